#include "webhooks/http/server.h"

#include <sys/socket.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "state/check.h"
#include "state/clock.h"
#include "webhooks/http/acceptor.h"
#include "webhooks/http/engine.h"
#include "webhooks/http/handler_pool.h"
#include "webhooks/http/io_loop.h"
#include "webhooks/http/listener.h"
#include "webhooks/http/problem.h"

namespace dunlin {
namespace {

using std::chrono::steady_clock;

constexpr const char* kRetryAfterSeconds = "1";  // a full queue is soon shorter

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

HttpResponse Overloaded(std::string_view detail) {
  HttpResponse response = Problem(503, detail);
  response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  return response;
}

std::vector<IpRange> Joined(std::vector<IpRange> some, const std::vector<IpRange>& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}

HttpResponse NoRoute(const Router::Found& found) {
  if (found.status == 400) return Problem(400, "the path is not well formed");
  if (found.status == 404) return Problem(404, "there is nothing at this path");
  HttpResponse response = Problem(405, "this path answers " + found.allow);
  response.headers.emplace_back("Allow", found.allow);
  return response;
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        engine_(static_cast<int>(std::chrono::floor<Seconds>(options_.keep_alive).count())),
        admission_(options_.connections_max, options_.connections_per_address_max,
                   Joined(options_.exempt, options_.trusted_proxies)),
        host_{.body_bytes_max = options_.body_bytes_max,
              .request_timeout = options_.request_timeout,
              .keep_alive = options_.keep_alive,
              .trusted_proxies = options_.trusted_proxies,
              .admission = admission_,
              .large_bytes = large_bytes_,
              .submit = [this](std::vector<Exchange>& exchanges) { handlers_->Submit(exchanges); },
              .new_request_id = [this] { return ids_.Next(); },
              .write = [this](LateAnswer late) { return Write(std::move(late)); },
              .refuse = [this](const HeadRefusal& refusal, const IpAddress& peer) { return Refuse(refusal, peer); },
              .overloaded = [this](const Exchange& exchange) { return RefuseWhole(exchange); }} {
    DUNLIN_CHECK(options_.threads > 0);
    DUNLIN_CHECK(options_.io_threads > 0);
  }

  ~Impl() {
    Stop(Millis{0});
    // The loops end when the last answer has come, so the handlers must go on until then.
    for (std::thread& thread : loop_threads_) thread.join();
    handlers_.reset();
  }

  void Route(std::string method, std::string pattern, HttpAnyHandler handler) {
    DUNLIN_CHECK(loops_.empty());
    router_.Add(std::move(method), std::move(pattern), std::move(handler));
  }

  Result<int> Listen() { return listener_.Listen(options_.address, options_.port); }

  void Start() {
    DUNLIN_CHECK(loops_.empty());
    std::vector<std::shared_ptr<Mailbox>> mailboxes;
    for (int i = 0; i < options_.io_threads; ++i) {
      loops_.push_back(std::make_unique<IoLoop>(host_));
      mailboxes.push_back(loops_.back()->mailbox());
    }
    handlers_.emplace(options_.queue_max, [this](Exchange exchange) { Handle(std::move(exchange)); });
    handlers_->Start(options_.threads);
    running_ = loops_.size();
    for (const auto& loop : loops_) loop_threads_.emplace_back([this, &loop = *loop] { RunLoop(loop); });
    acceptor_.emplace(listener_, admission_, std::move(mailboxes), [this](const Accepted& a) { TurnAway(a); });
  }

  bool Stop(Millis patience) {
    stopping_ = true;
    acceptor_.reset();
    listener_.Close();
    Post([](Mail& mail) { mail.stop = true; });
    std::unique_lock lock(mutex_);
    const bool done = ended_.wait_for(lock, patience, [this] { return running_ == 0; });
    if (!done) {
      cut_ = true;
      Post([](Mail& mail) { mail.cut = true; });
    }
    return done;
  }

 private:
  void RunLoop(IoLoop& loop) {
    loop.Run();
    const std::lock_guard lock(mutex_);
    running_ -= 1;
    ended_.notify_all();
  }

  template <class F>
  void Post(F put) {
    for (const auto& loop : loops_) loop->mailbox()->Post(put);
  }

  // On a handler's thread.
  void Handle(Exchange exchange) {
    Connection* const connection = exchange.connection;
    Mailbox& loop = *exchange.loop;
    if (cut_) return loop.Post([&](Mail& mail) { mail.answers.push_back({connection, {}, true}); });
    bool close = exchange.close;
    const auto decide_close = [&close, this] { return close = close || stopping_; };
    std::optional<std::string> bytes = engine_.Respond(
        exchange.request, exchange.target, [&](HttpRequest&) { return RunHandler(exchange); }, decide_close);
    if (bytes) loop.Post([&](Mail& mail) { mail.answers.push_back({connection, *std::move(bytes), close}); });
  }

  std::optional<HttpResponse> RunHandler(Exchange& exchange) {
    const auto begun = steady_clock::now();
    HttpRequest& request = exchange.request;
    Router::Found found = router_.Find(request.method, request.path);
    request.params = std::move(found.params);
    HttpResponse response;
    if (found.handler == nullptr) {
      response = NoRoute(found);
    } else if (const auto* handler = std::get_if<HttpHandler>(found.handler)) {
      response = Guarded(request.request_id, [&] { return (*handler)(request); });
    } else {
      AnswerLater(std::get<HttpLaterHandler>(*found.handler), exchange, found.pattern, begun);
      return std::nullopt;
    }
    Tell({request.method,
          found.pattern,
          response.status,
          {},
          request.peer,
          request.request_id,
          steady_clock::now() - begun});
    return response;
  }

  void AnswerLater(const HttpLaterHandler& handler, Exchange& exchange, std::string_view route,
                   steady_clock::time_point begun) {
    HttpRequest& request = exchange.request;
    const std::string id = request.request_id;
    HttpResponder responder(exchange.loop->shared_from_this(), {.connection = exchange.connection,
                                                                .close = exchange.close,
                                                                .method = request.method,
                                                                .peer = request.peer,
                                                                .request_id = id,
                                                                .route = route,
                                                                .begun = begun});
    // The responder goes with the handler: one that throws before it has answered is answered for.
    Guarded(id, [&] {
      handler(std::move(request), std::move(responder));
      return HttpResponse{};
    });
  }

  template <class F>
  HttpResponse Guarded(std::string_view request_id, F&& run) const {
    try {
      return run();
    } catch (const std::exception& e) {
      if (options_.on_exception) options_.on_exception(request_id, e.what());
    } catch (...) {
      if (options_.on_exception) options_.on_exception(request_id, "not a std::exception");
    }
    return Problem(500, "");
  }

  // The rest runs on the loops' threads.

  Answer Write(LateAnswer late) {
    const Ticket& ticket = late.ticket;
    const bool close = ticket.close || stopping_;
    Tell({ticket.method,
          ticket.route,
          late.response.status,
          {},
          ticket.peer,
          ticket.request_id,
          steady_clock::now() - ticket.begun});
    return {ticket.connection, engine_.Write(ticket.method, std::move(late.response), ticket.request_id, close), close};
  }

  std::string Refuse(const HeadRefusal& refusal, const IpAddress& peer) {
    const std::string id = ids_.Next();
    TellRefused(refusal.method, refusal.target, refusal.status, peer.Text(), id);
    HttpResponse response =
        refusal.status == 503 ? Overloaded(refusal.detail) : Problem(refusal.status, refusal.detail);
    return engine_.Write("GET", std::move(response), id, /*close=*/true);
  }

  Answer RefuseWhole(const Exchange& exchange) {
    const HttpRequest& request = exchange.request;
    TellRefused(request.method, exchange.target, 503, request.peer, request.request_id);
    const bool close = exchange.close || stopping_;
    HttpResponse response = Overloaded("too many requests wait; send it again");
    return {exchange.connection, engine_.Write(request.method, std::move(response), request.request_id, close), close};
  }

  // On the acceptor's thread.
  void TurnAway(const Accepted& accepted) {
    const std::string bytes = Refuse({503, "too many connections from this address", {}, {}}, accepted.peer);
    send(accepted.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);  // if it arrives, good
  }

  void TellRefused(const std::string& method, const std::string& target, int status, std::string_view peer,
                   std::string_view request_id) const {
    if (!options_.on_answered) return;
    const Router::Found found = router_.Find(method, target.substr(0, target.find('?')));
    Tell({method, found.pattern, status, RefusalWord(status), peer, request_id, {}});
  }

  void Tell(const HttpAnswered& answered) const {
    if (options_.on_answered) options_.on_answered(answered);
  }

  const Options options_;
  Router router_;
  HttpEngine engine_;
  Listener listener_;
  RequestIds ids_;
  Admission admission_;
  std::atomic<std::size_t> large_bytes_{0};
  const IoLoop::Host host_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> cut_ = false;
  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::optional<HandlerPool> handlers_;
  std::vector<std::thread> loop_threads_;
  std::optional<Acceptor> acceptor_;

  std::mutex mutex_;  // for the rest
  std::condition_variable ended_;
  std::size_t running_ = 0;  // loops
};

HttpServer::HttpServer(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

HttpServer::~HttpServer() = default;

void HttpServer::Route(std::string method, std::string pattern, HttpHandler handler) {
  impl_->Route(std::move(method), std::move(pattern), std::move(handler));
}

void HttpServer::RouteLater(std::string method, std::string pattern, HttpLaterHandler handler) {
  impl_->Route(std::move(method), std::move(pattern), std::move(handler));
}

Result<int> HttpServer::Listen() { return impl_->Listen(); }

void HttpServer::Start() { impl_->Start(); }

bool HttpServer::Stop(Millis patience) { return impl_->Stop(patience); }

}  // namespace dunlin
