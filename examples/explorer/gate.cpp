// SPDX-License-Identifier: BSD-3-Clause
#include "gate.hpp"

#include <nlohmann/json.hpp>

#include "guard.hpp"

namespace explorer {

namespace {

constexpr const char* policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src "
    "'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void set_headers(httplib::Response& response) {
  response.set_header("Content-Security-Policy", policy);
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("Referrer-Policy", "no-referrer");
  response.set_header("Cross-Origin-Resource-Policy", "same-origin");
  response.set_header("Cross-Origin-Opener-Policy", "same-origin");
  response.set_header("Cache-Control", "no-store");
}

bool has_body(const httplib::Request& request) {
  return request.has_header("Transfer-Encoding") || request.get_header_value_count("Content-Length") > 1 ||
         (request.has_header("Content-Length") && request.get_header_value("Content-Length") != "0");
}

struct Reason {
  int status = 0;  // 0: none
  std::string sentence{};
};

Reason reason_against(const httplib::Request& request, const Here& here) {
  const std::string site = request.get_header_value("Sec-Fetch-Site");
  if (request.get_header_value_count("Host") != 1 ||
      !host_allowed(request.get_header_value("Host"), here.names, here.port)) {
    return {403, "the request names another host than this explorer"};
  }
  if (!origin_allowed(request.get_header_value("Origin"), here.names, here.port) ||
      (!site.empty() && site != "same-origin" && site != "none")) {
    return {403, "the request comes from another site"};
  }
  const bool posts = request.method == "POST";
  if (request.method != "GET" && request.method != "HEAD" && !posts) {
    return {405, "only GET, HEAD and POST are answered"};
  }
  if (request.has_header("Transfer-Encoding")) return {411, "the request does not say how long its body is"};
  if (request.has_header("Content-Encoding")) return {415, "the request's body is packed; send it as it is"};
  if (request.get_header_value_count("Content-Length") > 1 || (has_body(request) && !posts)) {
    return {400, "only POST has a body, whose length is said once"};
  }
  return {};
}

}  // namespace

void refuse(httplib::Response& response, int status, const std::string& sentence) {
  using Json = nlohmann::json;
  response.status = status;
  response.set_content(Json{{"error", sentence}}.dump(-1, ' ', false, Json::error_handler_t::replace),
                       "application/json");
}

void set_gate(httplib::Server& server, Connections& connections, const Here& here) {
  server.set_pre_routing_handler([&](const httplib::Request& request, httplib::Response& response) {
    set_headers(response);
    // of a connection that was shut meanwhile nobody can say whose it was
    const bool known = !request.remote_addr.empty() && request.remote_port > 0;
    const bool read = connections.begin(peer_of(request), has_body(request)) && known;
    const Reason against = read ? reason_against(request, here)
                                : Reason{400, "the body of the request before was not read; connect anew"};
    if (against.status == 0) return httplib::Server::HandlerResponse::Unhandled;
    refuse(response, against.status, against.sentence);
    if (connections.owes(peer_of(request))) response.set_header("Connection", "close");
    connections.refuse(peer_of(request));
    return httplib::Server::HandlerResponse::Handled;
  });
  server.set_logger([&](const httplib::Request& request, const httplib::Response&) {
    connections.end(peer_of(request), here.port);
  });
}

}  // namespace explorer
