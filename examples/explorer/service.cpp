// SPDX-License-Identifier: BSD-3-Clause
#include "service.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include <httplib.h>

#include <lumen/version.hpp>

#include "connections.hpp"
#include "gate.hpp"
#include "page.hpp"

namespace explorer {

namespace {

/// A thread for each connection, up to a number; those beyond it wait. A slow sender holds its own thread only.
class Threads final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
    if (idle_ < waiting_.size() && running_ < most) {
      try {
        std::thread([this] { loop(); }).detach();
        ++running_;
      } catch (const std::system_error&) {
        // no thread is to be had: it waits for those that run, or for the next connection
      }
    }
    wake_.notify_one();
  }
  void shutdown() override {
    std::unique_lock lock(mutex_);
    ended_ = true;
    wake_.notify_all();
    over_.wait(lock, [&] { return running_ == 0; });
  }

 private:
  static constexpr std::size_t most = 1024;

  void loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      wake_.wait_for(lock, std::chrono::seconds(2), [&] { return ended_ || !waiting_.empty(); });
      --idle_;
      if (waiting_.empty()) break;
      const std::function<void()> work = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
    --running_;
    over_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable wake_, over_;
  std::deque<std::function<void()>> waiting_;
  std::size_t idle_ = 0, running_ = 0;
  bool ended_ = false;
};

const char* type_of(std::string_view name) {
  const auto ends = [&](std::string_view ending) { return name.ends_with(ending); };
  if (ends(".html")) return "text/html; charset=utf-8";
  if (ends(".css")) return "text/css; charset=utf-8";
  if (ends(".js")) return "text/javascript; charset=utf-8";
  if (ends(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

std::string version() {
  return lm::text(LUMEN_VERSION_MAJOR, '.', LUMEN_VERSION_MINOR, '.', LUMEN_VERSION_PATCH);
}

std::string first_line(const std::string& words) { return words.substr(0, words.find('\n')); }

}  // namespace

struct Service::Parts {
  ServiceOptions options;
  Answers& answers;
  Images& images;
  Worker& worker;
  httplib::Server server{};
  Here here{};
  std::atomic<std::uint64_t> tabs = 0;
  Connections connections{};
  std::mutex mutex{};
  std::condition_variable ending{};
  bool ended = false;
  std::atomic<int> uploads = 0;

  /// Runs `answer` and says in the response what went wrong.
  void answered(httplib::Response& response, const std::function<void()>& answer) const {
    try {
      answer();
    } catch (const Refusal& refusal) {
      refuse(response, refusal.status, refusal.what());
    } catch (const Superseded& superseded) {
      response.status = worker.stopped() ? 503 : 409;
      response.set_content(Json{{"error", superseded.what()}, {"superseded", true}}.dump(),
                           "application/json");
    } catch (const Busy& busy) {
      response.set_header("Retry-After", "1");
      refuse(response, 503, busy.what());
    } catch (const lm::Error& error) {
      refuse(response, 422, error.what());
    } catch (const std::exception& error) {  // LibTorch's own: what the network could not do with this image
      refuse(response, 422, "the network or the method failed: " + first_line(error.what()));
    }
  }

  using Ask = std::function<Frame(const Query& query, const Check& check)>;

  /// A question that is computed, at `path`, with these parameters beside those of the asker.
  void question(const char* path, std::vector<std::string_view> parameters, Ask ask) {
    parameters.insert(parameters.end(), {"tab", "ask", "seq"});
    server.Get(path, [this, parameters, ask = std::move(ask)](const httplib::Request& request,
                                                              httplib::Response& response) {
      answered(response, [&] {
        const Query query(request.params, parameters);
        Asker asker{.tab = query.text_or("tab", ""), .kind = query.text_or("ask", "")};
        if (query.has("seq"))
          asker.number = static_cast<std::uint64_t>(query.integer("seq", 0, std::int64_t{1} << 52));
        response.set_content(worker.ask(asker, [&](const Check& check) { return ask(query, check).bytes(); }),
                             "application/octet-stream");
      });
    });
  }

  [[nodiscard]] Question question_of(const Query& query, const Network& network) const {
    Question question{
        .of_class = query.integer("class", 0, static_cast<std::int64_t>(network.classes.size()) - 1),
        .score = query.text("score")};
    if (std::find(scores.begin(), scores.end(), question.score) == scores.end()) {
      throw Refusal(400, "the parameter score is none of probability, log-odds, logit");
    }
    question.percent = query.number("percent", 0.0, 100.0);
    const std::string& of = query.text("of");
    if (of != "own" && of != "global") throw Refusal(400, "the parameter of is neither own nor global");
    question.global = of == "global";
    return question;
  }

  [[nodiscard]] Json session() {
    Json all{{"name", "lumen explorer"}, {"version", version()}, {"scores", scores}};
    all["tab"] = "t" + std::to_string(++tabs);
    all["networks"] = Json::array();
    for (const Network& each : answers.networks()) {
      all["networks"].push_back(
          {{"id", each.id}, {"name", each.name}, {"channels", each.channels}, {"classes", each.classes}});
    }
    all["images"] = Json::array();
    for (const Images::Listed& each : images.list()) {
      all["images"].push_back({{"id", each.id}, {"name", each.name}, {"labelled", each.labelled}});
    }
    all["methods"] = Json::array();
    for (const Offered& each : offered()) {
      all["methods"].push_back(
          {{"id", each.id}, {"name", each.name}, {"what", each.what}, {"options", each.options}});
    }
    return all;
  }

  /// The body of a request. Few are read at once, and none for longer than `upload_time`.
  std::string received(const httplib::Request& request, const httplib::ContentReader& reader,
                       httplib::Response& response) {
    struct Slot {
      explicit Slot(std::atomic<int>& all) : held(all), number(++all) {}
      ~Slot() { --held; }
      Slot(const Slot&) = delete;
      Slot& operator=(const Slot&) = delete;
      std::atomic<int>& held;
      int number;
    };
    const Slot slot(uploads);
    if (slot.number > ServiceOptions::most_uploads) throw Busy();
    const auto until = Connections::Clock::now() + options.upload_time;
    bool late = false;
    std::string body;
    const bool whole = reader([&](const char* bytes, std::size_t size) {
      late = Connections::Clock::now() > until;
      if (!late) body.append(bytes, size);
      return !late;
    });
    if (late) throw Refusal(408, "the file came too slowly");
    if (!whole && response.status < 400) throw Refusal(400, "the file did not come whole");
    if (whole) connections.read(peer_of(request));
    return body;
  }

  void routes() {
    for (const auto& [name, bytes] : page_files()) {
      const auto give = [name = name, bytes = bytes](const httplib::Request&, httplib::Response& response) {
        response.set_content(bytes.data(), bytes.size(), type_of(name));
      };
      server.Get("/" + name, give);
      if (name == "index.html") server.Get("/", give);
    }
    server.Get("/api/session", [this](const httplib::Request& request, httplib::Response& response) {
      answered(response, [&] {
        (void)Query(request.params, {});
        response.set_content(session().dump(-1, ' ', false, Json::error_handler_t::replace),
                             "application/json");
      });
    });
    server.Get("/api/progress", [this](const httplib::Request& request, httplib::Response& response) {
      answered(response, [&] {
        const Query query(request.params, {"tab", "ask"});
        const auto progress = worker.progress(query.text("tab"), query.text("ask"));
        const Json answer = progress ? Json{{"done", progress->done},
                                            {"total", progress->total},
                                            {"secondsLeft", progress->seconds_left}}
                                     : Json();
        response.set_content(answer.dump(), "application/json");
      });
    });
    question("/api/image", {"image"}, [this](const Query& query, const Check&) {
      const Image image = images.get(query.text("image"));
      Frame frame;
      frame.array("image", image.x);
      if (image.label.defined()) frame.array("label", image.label);
      frame.header["of"] = image.of;
      frame.header["range"] = {std::min(0.0, image.x.min().item<double>()), image.x.max().item<double>()};
      return frame;
    });
    question("/api/prediction", {"image", "network", "class"},
             [this](const Query& query, const Check& check) {
               const Network& network = answers.network(query.text("network"));
               const Image image = images.get(query.text("image"));
               const std::int64_t of_class =
                   query.integer("class", 0, static_cast<std::int64_t>(network.classes.size()) - 1);
               if (image.of.empty()) return answers.prediction(network, image, of_class, nullptr, check);
               const Image original = images.get(image.of);
               return answers.prediction(network, image, of_class, &original, check);
             });
    question("/api/influence",
             {"image", "network", "class", "score", "method", "target", "percent", "of", "set.*"},
             [this](const Query& query, const Check& check) {
               const Network& network = answers.network(query.text("network"));
               Question question = question_of(query, network);
               question.method = query.text("method");
               question.target = query.text("target");
               question.settings = query.settings();
               return answers.influence(network, images.get(query.text("image")), question, check);
             });
    question("/api/count", {"image", "network", "class", "score", "percent", "of"},
             [this](const Query& query, const Check& check) {
               const Network& network = answers.network(query.text("network"));
               return answers.count(network, images.get(query.text("image")), question_of(query, network),
                                    check);
             });
    const auto posted = [this](const char* path, std::vector<std::string_view> known,
                               std::function<Json(const Query&, std::span<const std::uint8_t>)> take) {
      known.push_back("tab");
      server.Post(path, [this, known, take = std::move(take)](const httplib::Request& request,
                                                              httplib::Response& response,
                                                              const httplib::ContentReader& reader) {
        answered(response, [&] {
          const Query query(request.params, known);
          const std::string body = received(request, reader, response);
          if (response.status >= 400) return;
          response.set_content(take(query, {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()})
                                   .dump(-1, ' ', false, Json::error_handler_t::replace),
                               "application/json");
        });
        if (connections.owes(peer_of(request))) response.set_header("Connection", "close");
      });
    };
    posted("/api/images", {"name"}, [this](const Query& query, std::span<const std::uint8_t> bytes) {
      const Image image = images.upload(query.text_or("name", "image"), bytes);
      return Json{{"image", {{"id", image.id}, {"name", image.name}, {"labelled", false}}}};
    });
    posted("/api/edits", {"image"}, [this](const Query& query, std::span<const std::uint8_t> bytes) {
      return Json{{"id", images.edit(query.text("image"), bytes).id}};
    });
    posted("/api/leave", {}, [this](const Query& query, std::span<const std::uint8_t>) {
      worker.leave(query.text("tab"));
      return Json::object();
    });
  }

  void guards() {
    server.new_task_queue = [] { return new Threads; };
    server.set_payload_max_length(options.largest_upload);
    server.set_read_timeout(3, 0);
    server.set_write_timeout(10, 0);
    server.set_keep_alive_timeout(2);
    server.set_keep_alive_max_count(100000);
    set_gate(server, connections, here);
    server.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty()) return;
      const int status = response.status;
      refuse(response, status,
             status == 404   ? "there is nothing at this address"
             : status == 413 ? "the file is too large for this explorer"
             : status == 414 ? "the address is too long"
             : status == 408 ? "the request came too slowly"
                             : "the request is not one that the explorer understands");
    });
  }
};

Service::Service(ServiceOptions options, Answers& answers, Images& images, Worker& worker)
    : parts_(new Parts{std::move(options), answers, images, worker}) {
  parts_->guards();
  parts_->routes();
}
Service::~Service() = default;

int Service::bind() {
  Parts& parts = *parts_;
  const std::string& host = parts.options.host;
  parts.here.port = parts.options.port == 0 ? parts.server.bind_to_any_port(host.c_str())
                    : parts.server.bind_to_port(host.c_str(), parts.options.port) ? parts.options.port
                                                                                  : -1;
  lm::require(parts.here.port > 0, [&] {
    return lm::text("cannot listen at ", host, ", port ", parts.options.port,
                    ": is another program there? --port 0 takes any that is free");
  });
  parts.here.names = {host, "localhost", "127.0.0.1", "[::1]"};
  return parts.here.port;
}

void Service::run() {
  Parts& parts = *parts_;
  std::thread watch([&] {
    std::unique_lock lock(parts.mutex);
    while (!parts.ending.wait_for(lock, std::chrono::seconds(1), [&] { return parts.ended; })) {
      (void)parts.connections.sweep(parts.here.port, parts.options.patience);
    }
  });
  parts.server.listen_after_bind();
  {
    const std::lock_guard lock(parts.mutex);
    parts.ended = true;
  }
  parts.ending.notify_all();
  watch.join();
}
void Service::stop() { parts_->server.stop(); }

}  // namespace explorer
