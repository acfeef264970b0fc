// SPDX-License-Identifier: BSD-3-Clause
#include "connections.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace explorer {

namespace {

std::optional<Connections::Peer> place(const sockaddr_storage& at) {
  std::array<char, INET6_ADDRSTRLEN> words{};
  if (at.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(at);
    return Connections::Peer{inet_ntop(AF_INET, &v4.sin_addr, words.data(), words.size()),
                             ntohs(v4.sin_port)};
  }
  if (at.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(at);
    return Connections::Peer{inet_ntop(AF_INET6, &v6.sin6_addr, words.data(), words.size()),
                             ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

/// The other side of this descriptor, if it is a connection to our port.
std::optional<Connections::Peer> peer_of(int descriptor, int port) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&at), &size) != 0) return std::nullopt;
  const auto own = place(at);
  if (!own || own->second != port) return std::nullopt;
  size = sizeof at;
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&at), &size) != 0) return std::nullopt;
  return place(at);
}

int descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 16));
}

}  // namespace

void Connections::end(const Peer& peer, int port) {
  const std::lock_guard lock(mutex_);
  served_.erase(peer);
  since_[peer] = Clock::now();
  if (refused_.erase(peer) == 0 || !unread_.contains(peer)) return;
  for (int descriptor = 3, last = descriptors(); descriptor < last; ++descriptor) {
    if (peer_of(descriptor, port) == peer) shutdown(descriptor, SHUT_RDWR);
  }
}

int Connections::sweep(int port, Clock::duration patience) {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  std::set<Peer> open;
  int shut = 0;
  for (int descriptor = 3, last = descriptors(); descriptor < last; ++descriptor) {
    const auto peer = peer_of(descriptor, port);
    if (!peer) continue;
    open.insert(*peer);
    const auto since = since_.try_emplace(*peer, now).first->second;
    if (served_.contains(*peer) || now - since < patience) continue;
    shutdown(descriptor, SHUT_RDWR);
    ++shut;
  }
  std::erase_if(since_, [&](const auto& entry) { return !open.contains(entry.first); });
  for (std::set<Peer>* each : {&unread_, &refused_})
    std::erase_if(*each, [&](const Peer& peer) { return !open.contains(peer); });
  return shut;
}

}  // namespace explorer
