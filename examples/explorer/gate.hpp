// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include <httplib.h>

#include "connections.hpp"

/// Who may ask at all, before anything is looked up: the explorer answers one person at one machine.
namespace explorer {

/// Where the server is found.
struct Here {
  std::vector<std::string> names{};
  int port = 0;
};

/// Refuses requests that name another host or come from another site, methods that nothing answers, bodies that do not
/// say how long they are or that are packed, and what follows a body that nobody read: to a server that keeps a
/// connection open it looks like a request, though it was written by whoever wrote the body.
/// @param here  filled in before the server runs, as `connections` to live as long as it
void set_gate(httplib::Server& server, Connections& connections, const Here& here);

/// An answer with a status and a sentence.
void refuse(httplib::Response& response, int status, const std::string& sentence);

/// Whose connection a request came on.
[[nodiscard]] inline Connections::Peer peer_of(const httplib::Request& request) {
  return {request.remote_addr, request.remote_port};
}

}  // namespace explorer
