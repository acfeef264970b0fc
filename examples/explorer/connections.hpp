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
  void begin(const Peer& peer) {
    const std::lock_guard lock(mutex_);
    served_.insert(peer);
  }
  void end(const Peer& peer) {
    const std::lock_guard lock(mutex_);
    served_.erase(peer);
    since_[peer] = Clock::now();
  }

  /// Shuts the connections to `port` (ours) that for `patience` have neither been answered nor asked something whole;
  /// to be called again and again. Gives how many it shut.
  int sweep(int port, Clock::duration patience);

 private:
  std::mutex mutex_;
  std::set<Peer> served_;
  std::map<Peer, Clock::time_point> since_;  ///< seen first, or answered last
};

}  // namespace explorer
