// SPDX-License-Identifier: BSD-3-Clause
#include "guard.hpp"

#include <doctest/doctest.h>

using namespace explorer;

namespace {

int refused(const auto& ask) {
  try {
    ask();
  } catch (const Refusal& refusal) {
    DOCTEST_CHECK(std::string(refusal.what()).size() > 10);
    return refusal.status;
  }
  return 0;
}

}  // namespace

DOCTEST_TEST_CASE("hosts: this server's names with its port, and nothing else") {
  const std::vector<std::string> names{"127.0.0.1", "localhost"};
  DOCTEST_CHECK(host_allowed("127.0.0.1:8050", names, 8050));
  DOCTEST_CHECK(host_allowed("LocalHost:8050", names, 8050));
  DOCTEST_CHECK(host_allowed("localhost", names, 80));
  for (const char* host :
       {"", "127.0.0.1", "localhost:8051", "evil.example:8050", "localhost:8050.evil.example",
        "127.0.0.1:8050 ", "user@localhost:8050", "localhost:08050"}) {
    DOCTEST_INFO("host ", host);
    DOCTEST_CHECK_FALSE(host_allowed(host, names, 8050));
  }
}

DOCTEST_TEST_CASE("origins: none, or the page's own") {
  const std::vector<std::string> names{"localhost"};
  DOCTEST_CHECK(origin_allowed("", names, 8050));
  DOCTEST_CHECK(origin_allowed("http://localhost:8050", names, 8050));
  for (const char* origin : {"null", "https://localhost:8050", "http://evil.example",
                             "http://localhost:8050/", "localhost:8050"}) {
    DOCTEST_INFO("origin ", origin);
    DOCTEST_CHECK_FALSE(origin_allowed(origin, names, 8050));
  }
}

DOCTEST_TEST_CASE("parameters: known, once, short, printable, and of their kind") {
  const auto query = [](const std::multimap<std::string, std::string>& given) {
    return Query(given, {"a", "set.*"});
  };
  DOCTEST_CHECK(query({{"a", "7"}, {"set.steps", "3"}}).integer("a", 0, 7) == 7);
  DOCTEST_CHECK(query({{"set.steps", "3"}}).settings() ==
                std::vector<std::pair<std::string, std::string>>{{"steps", "3"}});
  DOCTEST_CHECK(query({{"a", "1e-3"}}).number("a", 0, 1) == 1e-3);
  DOCTEST_CHECK(query({}).text_or("a", "other") == "other");
  DOCTEST_CHECK(refused([&] { query({{"b", "1"}}); }) == 400);
  DOCTEST_CHECK(refused([&] { query({{"a", "1"}, {"a", "2"}}); }) == 400);
  DOCTEST_CHECK(refused([&] { query({{"a", std::string(257, 'x')}}); }) == 400);
  DOCTEST_CHECK(refused([&] { query({{"a", "x\r\ny"}}); }) == 400);
  DOCTEST_CHECK(refused([&] { (void)query({}).text("a"); }) == 400);
  for (const char* word : {"", "8", "-1", "7x", " 7", "+7", "0x7", "7.0", "99999999999999999999"}) {
    DOCTEST_INFO("integer ", word);
    DOCTEST_CHECK(refused([&] { (void)query({{"a", word}}).integer("a", 0, 7); }) == 400);
  }
  for (const char* word : {"", "0", "-1", "nan", "inf", "1.5", "1e999", "0,5", "1 "}) {
    DOCTEST_INFO("number ", word);
    DOCTEST_CHECK(refused([&] { (void)query({{"a", word}}).number("a", 0, 1); }) == 400);
  }
}

DOCTEST_TEST_CASE("targets: a pixel or a region inside the output") {
  const Asked pixel = parse_asked("pixel:3,4", 5, 6);
  DOCTEST_CHECK_FALSE(pixel.region);
  DOCTEST_CHECK(pixel.row == 3);
  DOCTEST_CHECK(pixel.column == 4);
  const Asked box = parse_asked("box:0,1,5,6", 5, 6);
  DOCTEST_CHECK(box.region);
  DOCTEST_CHECK(box.row_end == 5);
  DOCTEST_CHECK(box.column_end == 6);
  for (const char* words :
       {"", "pixel", "pixel:", "pixel:1", "pixel:1,2,3", "pixel:5,0", "pixel:0,6", "pixel:-1,0", "pixel:1,x",
        "pixel:1,,2", "box:0,0,0,1", "box:2,0,1,1", "box:0,0,6,1", "box:0,0,1,7", "box:0,0,1,1,1", "row:1,2",
        "pixel:1,2,", "pixel:9223372036854775808,0"}) {
    DOCTEST_INFO("target ", words);
    DOCTEST_CHECK(refused([&] { (void)parse_asked(words, 5, 6); }) == 400);
  }
}

DOCTEST_TEST_CASE("names are shown without folders and control characters") {
  DOCTEST_CHECK(shown_name("../../etc/passwd") == "passwd");
  DOCTEST_CHECK(shown_name("C:\\pictures\\a.png") == "a.png");
  DOCTEST_CHECK(shown_name("a\nb") == "a_b");
  DOCTEST_CHECK(shown_name("") == "image");
  DOCTEST_CHECK(shown_name(std::string(200, 'x')).size() == 80);
}
