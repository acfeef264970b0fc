// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace explorer {

/// The connections to this program, so that those that hold a thread without asking anything are ended: a sender that
/// drips a request never lets a read time out. For several threads.
class Connections {
 public:
  using Peer = std::pair<std::string, int>;  ///< address and port of the other side
  using Clock = std::chrono::steady_clock;

  /// A request of this peer was read as far as its headers, and is being answered until `end`.
  /// @param body  whether one follows, which is owed until `read`
  /// @return whether none was owed before: else what came is a piece of a body
  [[nodiscard]] bool begin(const Peer& peer, bool body) {
    const std::lock_guard lock(mutex_);
    served_.insert(peer);
    if (unread_.contains(peer)) return false;
    if (body) unread_.insert(peer);
    return true;
  }
  /// The request's body was read whole.
  void read(const Peer& peer) {
    const std::lock_guard lock(mutex_);
    unread_.erase(peer);
  }
  [[nodiscard]] bool owes(const Peer& peer) {
    const std::lock_guard lock(mutex_);
    return unread_.contains(peer);
  }
  /// The request is refused as it stands: with its answer the connection ends, if a body is owed.
  void refuse(const Peer& peer) {
    const std::lock_guard lock(mutex_);
    refused_.insert(peer);
  }
  /// The request was answered. @param port  ours
  void end(const Peer& peer, int port);

  /// Shuts the connections to `port` (ours) that for `patience` have neither been answered nor asked something whole;
  /// to be called again and again. Gives how many it shut.
  int sweep(int port, Clock::duration patience);

 private:
  std::mutex mutex_;
  std::set<Peer> served_, unread_, refused_;
  std::map<Peer, Clock::time_point> since_;  ///< seen first, or answered last
};

}  // namespace explorer
