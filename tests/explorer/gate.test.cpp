// SPDX-License-Identifier: BSD-3-Clause
#include "gate.hpp"

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace explorer;

namespace {

/// A server behind the gate: GET /count counts, POST /read reads its body and counts, POST /leave leaves it unread.
class Gated {
 public:
  Gated() {
    server_.Get("/count", [this](const httplib::Request&, httplib::Response& response) {
      ++counted;
      response.set_content("counted", "text/plain");
    });
    server_.Post("/read", [this](const httplib::Request& request, httplib::Response& response,
                                 const httplib::ContentReader& reader) {
      std::string body;
      if (reader([&](const char* bytes, std::size_t size) {
            body.append(bytes, size);
            return true;
          })) {
        connections_.read(peer_of(request));
      }
      response.set_content(body, "text/plain");
    });
    server_.Post("/leave", [](const httplib::Request&, httplib::Response& response,
                              const httplib::ContentReader&) { response.set_content("left", "text/plain"); });
    server_.set_keep_alive_timeout(2);
    set_gate(server_, connections_, here_);
    here_ = {{"127.0.0.1"}, server_.bind_to_any_port("127.0.0.1")};
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  Gated(const Gated&) = delete;
  Gated& operator=(const Gated&) = delete;
  ~Gated() { stop(); }

  /// No request is answered any more, and all that came were.
  void stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  /// "METHOD path HTTP/1.1" with this server's Host, then these lines, and a body.
  [[nodiscard]] std::string request(const std::string& what, const std::string& lines = {},
                                    const std::string& body = {}) const {
    return what + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(here_.port) + "\r\n" + lines +
           (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body;
  }

  /// What comes back on one connection: each piece is sent when all before it are answered, which the last is not waited
  /// for.
  [[nodiscard]] std::string answers_to(const std::vector<std::string>& pieces) const {
    const int at = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(static_cast<std::uint16_t>(here_.port));
    inet_pton(AF_INET, "127.0.0.1", &place.sin_addr);
    DOCTEST_REQUIRE(connect(at, reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0);
    std::string all;
    bool open = true;
    const auto receive = [&] {
      char some[4096];
      const ssize_t count = recv(at, some, sizeof some, 0);
      if (count > 0) all.append(some, static_cast<std::size_t>(count));
      open = count > 0;
    };
    for (std::size_t i = 0; i < pieces.size() && open; ++i) {
      while (open && answered(all) < i) receive();
      if (open) (void)send(at, pieces[i].data(), pieces[i].size(), MSG_NOSIGNAL);
    }
    while (open) receive();
    close(at);
    return all;
  }

  std::atomic<int> counted = 0;

 private:
  /// Whole answers at the beginning of `all`.
  static std::size_t answered(std::string_view all) {
    constexpr std::string_view length = "Content-Length: ", end = "\r\n\r\n";
    std::size_t count = 0;
    while (true) {
      const std::size_t head = all.find(end), at = all.find(length);
      if (head == std::string_view::npos || at > head) return count;
      const std::size_t size =
          head + end.size() + std::stoul(std::string(all.substr(at + length.size(), 12)));
      if (all.size() < size) return count;
      all.remove_prefix(size);
      ++count;
    }
  }

  httplib::Server server_{};
  Connections connections_{};
  Here here_{};
  std::thread thread_{};
};

int times(std::string_view part, std::string_view all) {
  int count = 0;
  for (std::size_t at = all.find(part); at != std::string_view::npos; at = all.find(part, at + 1)) ++count;
  return count;
}

const std::string last = "Connection: close\r\n";

}  // namespace

DOCTEST_TEST_CASE("the body of a refused request is not taken for the next request") {
  Gated gated;
  const std::string body = gated.request("GET /count", last);
  const auto answer = [&](const std::string& what, const std::string& lines) {
    DOCTEST_CAPTURE(lines);
    const std::string head =
        gated.request(what, lines + "Content-Length: " + std::to_string(body.size()) + "\r\n");
    const std::string all = gated.answers_to({head, body});
    DOCTEST_CHECK(times("200 OK", all) == 0);
    return all;
  };
  DOCTEST_CHECK(times("403 Forbidden", answer("POST /read", "Origin: http://evil.example\r\n")) == 1);
  DOCTEST_CHECK(times("403 Forbidden", answer("POST /read", "Sec-Fetch-Site: cross-site\r\n")) == 1);
  DOCTEST_CHECK(times("403 Forbidden", answer("POST /read", "Host: evil.example\r\n")) == 1);
  DOCTEST_CHECK(times("405 Method Not Allowed", answer("DELETE /read", "")) == 1);
  DOCTEST_CHECK(times("400 Bad Request", answer("GET /read", "")) >= 1);
  gated.stop();
  DOCTEST_CHECK(gated.counted == 0);
}

DOCTEST_TEST_CASE("nor is one that its handler left unread, as when too many send at once") {
  Gated gated;
  const std::string body = gated.request("GET /count", last);
  const std::string answer = gated.answers_to(
      {gated.request("POST /leave", "Content-Length: " + std::to_string(body.size()) + "\r\n"), body});
  DOCTEST_CHECK(times("200 OK", answer) == 1);
  DOCTEST_CHECK(times("400 Bad Request", answer) == 1);
  gated.stop();
  DOCTEST_CHECK(gated.counted == 0);
}

DOCTEST_TEST_CASE("a body that was read, or none, leaves the connection open for the next request") {
  Gated gated;
  const std::string answer = gated.answers_to(
      {gated.request("POST /read", {}, "a body"), gated.request("GET /count"),
       gated.request("GET /count", "Origin: http://evil.example\r\n"),
       gated.request("GET /count", "Content-Length: 0\r\n"), gated.request("GET /count", last)});
  DOCTEST_CHECK(times("200 OK", answer) == 4);
  DOCTEST_CHECK(times("403 Forbidden", answer) == 1);
  DOCTEST_CHECK(times("a body", answer) == 1);
  gated.stop();
  DOCTEST_CHECK(gated.counted == 3);
}

DOCTEST_TEST_CASE("bodies without a length, packed, or where none belongs are refused") {
  Gated gated;
  const auto answer = [&](const std::string& words) { return gated.answers_to({words}); };
  const std::string chunks = "5\r\nbytes\r\n0\r\n\r\n";
  DOCTEST_CHECK(times("411 Length Required",
                      answer(gated.request("POST /read", "Transfer-Encoding: chunked\r\n") + chunks)) == 1);
  DOCTEST_CHECK(times("415 Unsupported Media Type",
                      answer(gated.request("POST /read", "Content-Encoding: gzip\r\n", "packed"))) == 1);
  DOCTEST_CHECK(times("400 Bad Request", answer(gated.request("GET /count", {}, "a body"))) >= 1);
  DOCTEST_CHECK(
      times("400 Bad Request", answer(gated.request("POST /read", "Content-Length: 3\r\n", "twice"))) >= 1);
  gated.stop();
  DOCTEST_CHECK(gated.counted == 0);
}
