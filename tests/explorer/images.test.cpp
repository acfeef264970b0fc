// SPDX-License-Identifier: BSD-3-Clause
#include "world.hpp"

#include <atomic>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <doctest/doctest.h>

#include <lumen/io/npy.hpp>

#include "guard.hpp"
#include "support/nets.hpp"

using namespace explorer;
namespace fs = std::filesystem;

namespace {

/// An empty folder that is gone afterwards.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("lumen-world-" + std::to_string(::getpid()));
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const Tensor& values) const {
    fs::create_directories((path / name).parent_path());
    lm::io::write_npy(path / name, values);
  }
};

Tensor picture(std::uint64_t seed, std::int64_t side = 6) {
  return lm::testing::nets::random({1, side, side}, seed).to(at::kFloat);
}

}  // namespace

DOCTEST_TEST_CASE("an uploaded or painted image never takes the name of one of a folder") {
  const Folder folder;
  const Tensor own = picture(1), sent = picture(2);
  for (const char* name : {"upload-1.npy", "upload-2.npy", "edit-3.npy", "plain.npy"})
    folder.write(name, own);
  Images images(1 << 20);
  DOCTEST_CHECK(images.add_folder(folder.path) == 0);
  const auto bytes = lm::io::encode_npy(sent);
  const Image uploaded = images.upload("a.npy", bytes), painted = images.edit("plain", bytes);
  std::set<std::string> ids;
  for (const Images::Listed& each : images.list()) DOCTEST_CHECK(ids.insert(each.id).second);
  DOCTEST_CHECK(!ids.contains(painted.id));
  for (const char* id : {"upload-1", "upload-2", "edit-3", "plain"}) {
    DOCTEST_CAPTURE(id);
    DOCTEST_CHECK(at::equal(images.get(id).x, own));
  }
  DOCTEST_CHECK(at::equal(images.get(uploaded.id).x, sent));
  DOCTEST_CHECK(at::equal(images.get(painted.id).x, sent));
}

DOCTEST_TEST_CASE("labels are classes from 0 to 255, or a mask; others are refused, not wrapped around") {
  const Folder folder;
  const auto with = [&](const std::string& name, const Tensor& label) {
    folder.write("images/" + name + ".npy", picture(3));
    folder.write("labels/" + name + ".npy", label);
  };
  const Tensor classes = at::arange(36, at::kLong).reshape({6, 6});
  with("classes", classes);
  with("mask", classes.gt(9).to(at::kByte) * 255);
  with("large", classes + 250);
  with("negative", classes - 1);
  with("between", classes.to(at::kFloat) / 2);
  with("nan", classes.to(at::kFloat).masked_fill(classes.eq(4), std::nan("")));
  Images images(1 << 20);
  (void)images.add_folder(folder.path);
  DOCTEST_CHECK(at::equal(images.get("classes").label, classes.to(at::kByte)));
  DOCTEST_CHECK(at::equal(images.get("mask").label, classes.gt(9).to(at::kByte)));
  for (const char* wrong : {"large", "negative", "between", "nan"}) {
    DOCTEST_CAPTURE(wrong);
    int status = 0;
    try {
      (void)images.get(wrong);
    } catch (const Refusal& refusal) {
      status = refusal.status;
      DOCTEST_CHECK(std::string(refusal.what()).find("label") != std::string::npos);
    }
    DOCTEST_CHECK(status == 422);
  }
}

DOCTEST_TEST_CASE("several threads read, upload and paint at once, within the budget") {
  const Folder folder;
  for (int i = 0; i < 4; ++i)
    folder.write("f" + std::to_string(i) + ".npy", picture(10 + static_cast<std::uint64_t>(i), 32));
  Images images(std::size_t{3} * 32 * 32 * sizeof(float));
  (void)images.add_folder(folder.path);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const int which = (i + t) % 4;
        const std::string id = "f" + std::to_string(which);
        if (!at::equal(images.get(id).x, picture(10 + static_cast<std::uint64_t>(which), 32))) ++wrong;
        const auto bytes = lm::io::encode_npy(picture(20 + static_cast<std::uint64_t>(t), 32));
        if (images.edit(id, bytes).of != id) ++wrong;
        (void)images.upload("u", bytes);
        if (images.list().size() > 4 + 3) ++wrong;
      }
    });
  }
  for (std::thread& each : threads) each.join();
  DOCTEST_CHECK(wrong == 0);
}
