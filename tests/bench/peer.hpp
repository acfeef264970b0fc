// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/Parallel.h>
#include <sys/wait.h>
#include <torch/version.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::bench {

/// The peer: a process that stays alive and answers one line to each line it is sent.
class Peer {
 public:
  /// @throws std::runtime_error if the process cannot be started or does not answer (no Captum, say)
  Peer(const std::string& python, const std::string& script) {
    std::array<int, 2> to{}, from{};
    if (pipe(to.data()) != 0 || pipe(from.data()) != 0) throw std::runtime_error("cannot make a pipe");
    process_ = fork();
    if (process_ < 0) throw std::runtime_error("cannot start a process");
    if (process_ == 0) {
      dup2(to[0], STDIN_FILENO);
      dup2(from[1], STDOUT_FILENO);
      for (const int end : {to[0], to[1], from[0], from[1]}) close(end);
      execlp(python.c_str(), python.c_str(), script.c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    in_ = fdopen(to[1], "w");
    out_ = fdopen(from[0], "r");
    try {
      name_ = ask("hello");
    } catch (...) {
      stop();
      throw;
    }
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { stop(); }

  [[nodiscard]] const std::string& name() const { return name_; }

  /// Sends a line and waits for the answer. @throws std::runtime_error if there is none
  std::string ask(const std::string& line) {
    if (std::fputs((line + "\n").c_str(), in_) < 0 || std::fflush(in_) != 0)
      throw std::runtime_error("the peer is gone: " + line);
    std::string answer;
    for (int c = std::fgetc(out_); c != '\n'; c = std::fgetc(out_)) {
      if (c == EOF) throw std::runtime_error("the peer ended instead of answering: " + line);
      answer.push_back(static_cast<char>(c));
    }
    if (answer.starts_with("error")) throw std::runtime_error("the peer refused: " + line + ": " + answer);
    return answer;
  }

 private:
  void stop() {
    std::fclose(in_);
    std::fclose(out_);
    waitpid(process_, nullptr, 0);
  }

  pid_t process_ = -1;
  std::FILE* in_ = nullptr;
  std::FILE* out_ = nullptr;
  std::string name_;
};

/// The peer with as many threads as this program; none, and why is said, where it does not start or runs another LibTorch.
/// @param python  empty: no peer is asked for
inline std::unique_ptr<Peer> start_peer(const std::string& python, const std::string& script) {
  if (python.empty()) return nullptr;
  try {
    auto peer = std::make_unique<Peer>(python, script);
    const std::string own = text("torch ", TORCH_VERSION_MAJOR, '.', TORCH_VERSION_MINOR, '.');
    if (peer->name().find(own) == std::string::npos)
      throw std::runtime_error(text("it runs ", peer->name(), ", this program ", own));
    peer->ask("threads " + std::to_string(at::get_num_threads()));
    return peer;
  } catch (const std::runtime_error& problem) {
    std::cerr << "no peer: " << problem.what() << '\n';
    return nullptr;
  }
}

/// Whether a case is asked for by `--only`: its name holds that, or nothing is said.
inline bool wanted(const std::string& only, const std::string& name) {
  return name.find(only) != std::string::npos;
}

/// Writes tensors as raw float32 with an index that peer.py reads.
inline void write_tensors(const std::filesystem::path& folder, const std::map<std::string, Tensor>& tensors) {
  std::filesystem::create_directories(folder);
  std::ofstream index(folder / "index.txt");
  int number = 0;
  for (const auto& [name, tensor] : tensors) {
    const Tensor plain = tensor.detach().to(at::kFloat).contiguous();
    const std::string file = std::to_string(number++) + ".bin";
    std::ofstream(folder / file, std::ios::binary)
        .write(reinterpret_cast<const char*>(plain.data_ptr<float>()),
               static_cast<std::streamsize>(plain.numel() * 4));
    index << name << ' ';
    for (std::int64_t i = 0; i < plain.dim(); ++i) index << (i == 0 ? "" : "x") << plain.size(i);
    index << ' ' << file << '\n';
  }
  if (!index) throw std::runtime_error("cannot write " + folder.string());
}

/// Reads what the peer wrote. @throws std::runtime_error if its size is not that of `like`
inline Tensor read_tensor(const std::filesystem::path& file, const Tensor& like) {
  if (!std::filesystem::exists(file) ||
      std::filesystem::file_size(file) != static_cast<std::uintmax_t>(like.numel() * 4))
    throw std::runtime_error("the peer's map has another size than ours: " + file.string());
  Tensor read = at::empty(like.sizes(), at::kFloat);
  std::ifstream(file, std::ios::binary)
      .read(reinterpret_cast<char*>(read.data_ptr<float>()), static_cast<std::streamsize>(read.numel() * 4));
  return read;
}

}  // namespace lumen::bench
