// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "answers.hpp"
#include "worker.hpp"
#include "world.hpp"

namespace explorer {

struct ServiceOptions {
  std::string host = "127.0.0.1";
  int port = 8050;                                     ///< 0: any that is free
  std::size_t largest_upload = std::size_t{64} << 20;  ///< bytes
  static constexpr int most_uploads = 4;               ///< at once
  std::chrono::seconds upload_time{60};                ///< that a file may take to come
  std::chrono::seconds patience{8};                    ///< with a connection that asks nothing whole
};

/// The page and its questions over HTTP. Every answer bears a strict Content-Security-Policy; requests that another
/// site makes, or that name another host, are refused.
class Service {
 public:
  Service(ServiceOptions options, Answers& answers, Images& images, Worker& worker);
  ~Service();

  /// The port that it listens at from now on. @throws lumen::Error if the address cannot be had
  int bind();
  /// Answers until `stop`.
  void run();
  /// From any thread.
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace explorer
