#include "webhooks/http/server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "state/check.h"
#include "state/clock.h"
#include "webhooks/http/connection.h"
#include "webhooks/http/engine.h"
#include "webhooks/http/listener.h"
#include "webhooks/http/problem.h"

namespace dunlin {
namespace {

// Unique across restarts by its first half, within a run by its second.
class RequestIds {
 public:
  RequestIds() : prefix_("req_" + Hex(SystemRandom().Next()).substr(0, 8)) {}
  std::string Next() { return prefix_ + Hex(next_.fetch_add(1, std::memory_order_relaxed)).substr(6); }

 private:
  static std::string Hex(std::uint64_t value) {
    std::string text(16, '0');
    for (std::size_t i = text.size(); i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
    return text;
  }
  const std::string prefix_;
  std::atomic<std::uint64_t> next_{1};
};

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        engine_(static_cast<int>(std::chrono::floor<Seconds>(options_.keep_alive).count())),
        stop_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        limits_{options_.body_bytes_max, options_.request_timeout, options_.keep_alive},
        host_{.engine = engine_,
              .answer = [this](HttpRequest& request) { return Answer(request); },
              .new_request_id = [this] { return ids_.Next(); },
              .refused =
                  [this](const HttpResponse& response, const std::string& id) {
                    Tell({{}, {}, response.status, id, {}});
                  },
              .stopping = [this] { return stopping_.load(std::memory_order_relaxed); },
              .crowded = [this] { return free_threads_.load(std::memory_order_relaxed) == 0; },
              .stop_event = stop_event_} {
    DUNLIN_CHECK(options_.threads > 0);
    DUNLIN_CHECK(stop_event_ >= 0);
  }

  ~Impl() {
    Stop(Millis{0});
    for (std::thread& thread : threads_) thread.join();
    close(stop_event_);
  }

  void Route(std::string method, std::string pattern, HttpHandler handler) {
    DUNLIN_CHECK(threads_.empty());
    router_.Add(std::move(method), std::move(pattern), std::move(handler));
  }

  Result<int> Listen() { return listener_.Listen(options_.address, options_.port); }

  void Start() {
    DUNLIN_CHECK(threads_.empty());
    running_ = options_.threads;
    for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Work(); });
  }

  bool Stop(Millis patience) {
    stopping_ = true;
    const std::uint64_t one = 1;
    DUNLIN_CHECK(write(stop_event_, &one, sizeof one) == sizeof one);  // never read, so it wakes all for good
    listener_.Close();
    std::unique_lock lock(mutex_);
    const bool done = ended_.wait_for(lock, patience, [this] { return running_ == 0; });
    for (const int socket : open_) shutdown(socket, SHUT_RDWR);
    return done;
  }

 private:
  void Work() {
    while (true) {
      free_threads_.fetch_add(1, std::memory_order_relaxed);
      const std::optional<Listener::Peer> peer = listener_.Accept();
      free_threads_.fetch_sub(1, std::memory_order_relaxed);
      if (!peer) break;
      {
        const std::lock_guard lock(mutex_);
        open_.insert(peer->socket);
      }
      Connection(peer->socket, peer->address, limits_, host_).Serve();
      {
        // Forgotten before it is closed: its number may belong to another connection right after.
        const std::lock_guard lock(mutex_);
        open_.erase(peer->socket);
      }
      close(peer->socket);
    }
    const std::lock_guard lock(mutex_);
    running_ -= 1;
    ended_.notify_all();
  }

  HttpResponse Answer(HttpRequest& request) {
    const auto begin = std::chrono::steady_clock::now();
    Router::Found found = router_.Find(request.method, request.path);
    request.params = std::move(found.params);
    HttpResponse response = found.handler != nullptr ? Run(*found.handler, request) : NoRoute(found);
    Tell(
        {request.method, found.pattern, response.status, request.request_id, std::chrono::steady_clock::now() - begin});
    return response;
  }

  HttpResponse Run(const HttpHandler& handler, const HttpRequest& request) {
    try {
      return handler(request);
    } catch (const std::exception& e) {
      if (options_.on_exception) options_.on_exception(request, e.what());
    } catch (...) {
      if (options_.on_exception) options_.on_exception(request, "not a std::exception");
    }
    return Problem(500, "");
  }

  static HttpResponse NoRoute(const Router::Found& found) {
    if (found.status == 400) return Problem(400, "the path is not well formed");
    if (found.status == 404) return Problem(404, "there is nothing at this path");
    HttpResponse response = Problem(405, "this path answers " + found.allow);
    response.headers.emplace_back("Allow", found.allow);
    return response;
  }

  void Tell(const HttpAnswered& answered) const {
    if (options_.on_answered) options_.on_answered(answered);
  }

  const Options options_;
  Router router_;
  HttpEngine engine_;
  Listener listener_;
  RequestIds ids_;
  const int stop_event_;
  const Connection::Limits limits_;
  const Connection::Host host_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> free_threads_ = 0;
  std::vector<std::thread> threads_;

  std::mutex mutex_;  // for the rest
  std::condition_variable ended_;
  std::set<int> open_;  // the sockets that are being served
  int running_ = 0;     // threads
};

HttpServer::HttpServer(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

HttpServer::~HttpServer() = default;

void HttpServer::Route(std::string method, std::string pattern, HttpHandler handler) {
  impl_->Route(std::move(method), std::move(pattern), std::move(handler));
}

Result<int> HttpServer::Listen() { return impl_->Listen(); }

void HttpServer::Start() { impl_->Start(); }

bool HttpServer::Stop(Millis patience) { return impl_->Stop(patience); }

}  // namespace dunlin
