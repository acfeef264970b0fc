// SPDX-License-Identifier: BSD-3-Clause
// The explorer: a page that asks a segmentation network why, pixel by pixel.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>

#include <sys/resource.h>

#include <ATen/Parallel.h>

#include "load.hpp"
#include "service.hpp"

namespace {

namespace lm = lumen;
using namespace explorer;

int run(int argc, char** argv) {
  CLI::App app("Shows in a browser what each pixel of a segmentation network's output depends on.");
  std::vector<std::string> folders;
  NetworkOptions networks_given;
  ServiceOptions service_options;
  std::int64_t threads = 0, memory = 512, upload_seconds = 60;
  app.add_option("--model", networks_given.models,
                 "TorchScript files, [1, C, H, W] -> [1, K, H, W]; several can be compared");
  app.add_option("--net", networks_given.nets, "networks of the library, each with its --weights");
  app.add_option("--weights", networks_given.weights,
                 "their weights: .pth, .safetensors, or a training checkpoint");
  app.add_option("--images", folders, "folders of images, or with images/ and labels/ in them");
  app.add_option("--host", service_options.host, "address to listen at")->capture_default_str();
  app.add_option("--port", service_options.port, "0: any that is free")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  app.add_option("--threads", threads, "of a pass; 0: as many as LibTorch likes")->check(CLI::Range(0, 1024));
  app.add_option("--memory", memory, "MiB that answers and images may take together")
      ->capture_default_str()
      ->check(CLI::Range(64, 1 << 20));
  app.add_option("--upload-seconds", upload_seconds, "that an image may take to be sent")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  CLI11_PARSE(app, argc, argv);
  service_options.upload_time = std::chrono::seconds(upload_seconds);

  // signals go to a thread of their own, so that they end the program also in the middle of a request
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  rlimit descriptors{};  // a connection takes one
  if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur < 4096) {
    descriptors.rlim_cur = std::min<rlim_t>(descriptors.rlim_max, 4096);
    (void)setrlimit(RLIMIT_NOFILE, &descriptors);
  }

  std::vector<Network> networks = load_networks(networks_given);
  const std::size_t bytes = static_cast<std::size_t>(memory) << 20;
  Images images(bytes / 2);
  for (const std::string& folder : folders) {
    if (const std::size_t outside = images.add_folder(folder); outside > 0) {
      std::cerr << "explorer: " << folder << ": " << outside
                << " links that lead out of the folder are left out\n";
    }
  }
  (void)offered();

  Worker worker;
  if (threads > 0) {
    worker.ask({}, [&](const auto&) {
      at::set_num_threads(static_cast<int>(threads));
      return std::string();
    });
  }
  Answers answers(std::move(networks), worker, bytes / 2);
  Service service(service_options, answers, images, worker);
  const int port = service.bind();
  std::cout << "lumen explorer: http://" << service_options.host << ':' << port << '/' << std::endl;

  std::thread([&] {
    int which = 0;
    sigwait(&ends, &which);
    worker.stop();
    service.stop();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    std::_Exit(0);  // a connection is still open
  }).detach();
  service.run();
  std::_Exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "explorer: " << error.what() << '\n';
    return 1;
  }
}
