#include "app/service.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "app/api/routes.h"
#include "app/followed_clock.h"
#include "app/log.h"
#include "app/marketplace.h"
#include "app/metrics.h"
#include "webhooks/http/server.h"
#include "webhooks/stripe/ingest.h"
#include "workflows/effects/catch_up.h"
#include "workflows/effects/entitlement_sweep.h"
#include "workflows/effects/retention.h"
#include "workflows/engine.h"
#include "workflows/providers/read_event.h"
#include "workflows/providers/stripe/api.h"
#include "workflows/queue/fallback_queue.h"
#include "workflows/queue/memory_queue.h"
#include "workflows/queue/queue_url.h"
#include "workflows/queue/redis_queue.h"
#include "workflows/usage_jobs.h"
#include "workflows/worker.h"

namespace dunlin {
namespace {

constexpr Millis kStopPatience{8000};
constexpr rlim_t kDescriptors = 8192;

// Once for each change, so that an outage of hours is two lines.
void LogQueue(const std::optional<Error>& error) {
  if (error) {
    Log(LogLevel::kWarn, "the queue does not answer; work goes on from the ledger", {{"error", error->detail}});
  } else {
    Log(LogLevel::kInfo, "the queue answers", {});
  }
}

Result<std::unique_ptr<Queue>> OpenQueue(const std::string& location, const std::string& key) {
  Result<QueueUrl> url = ParseQueueUrl(location);
  if (!url) return tl::unexpected(url.error());
  switch (url->kind) {
    case QueueUrl::Kind::kMemory: return std::make_unique<MemoryQueue>();
    case QueueUrl::Kind::kRedis:
      return std::make_unique<FallbackQueue>(std::make_unique<RedisQueue>(url->redis, key), &LogQueue);
  }
  return Fail(Errc::kInvalidArgument, "an unknown queue");
}

// Beside the ledger, unless it is told otherwise.
std::string OutboxFile(const Config& config) {
  constexpr std::string_view kScheme = "sqlite:";
  if (!config.outbox_file.empty()) return config.outbox_file;
  const bool in_file = config.ledger.starts_with(kScheme) && config.ledger != "sqlite::memory:";
  return (in_file ? config.ledger.substr(kScheme.size()) : "dunlin") + ".outbox.jsonl";
}

// SIGTERM and SIGINT are waited for by one thread; a closed connection is an error of a write, not a signal.
sigset_t BlockSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

// Each connection takes a descriptor, and the usual limit of 1,024 is less than the server has room for.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::max<rlim_t>(limit.rlim_cur, kDescriptors));
  ::setrlimit(RLIMIT_NOFILE, &limit);  // with fewer the server waits for room instead
}

struct Listening {
  std::string address;
  int port = 0;
};

Result<Listening> ParseListen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  int port = -1;
  if (colon != std::string::npos && colon + 1 < text.size() &&
      text.find_first_not_of("0123456789", colon + 1) == std::string::npos && text.size() - colon <= 6) {
    port = std::stoi(text.substr(colon + 1));
  }
  if (port < 0 || port > 65535)
    return Fail(Errc::kInvalidArgument, "listen: '" + text + "' is not ADDRESS:PORT, such as 127.0.0.1:8080");
  std::string address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);  // IPv6
  return Listening{address, port};
}

// What lives as long as the process serves, in the order in which it is built and, backwards, taken down.
class Service {
 public:
  explicit Service(const Config& config) : config_(config) {}

  Status Start() {
    Status status = OpenStores();
    if (status) status = OpenEngine();
    if (status) status = OpenDoor();
    if (status) status = WakeCatchUp();
    if (status) status = RequestEntitlementSweep(*ledger_, clock_->Now());
    if (status) status = RequestRetention(*ledger_, clock_->Now());
    if (status) status = RequestUsageFreezing(*ledger_, clock_->Now());
    if (!status) return status;
    workers_->Start();
    server_->Start();
    const std::string address =
        listening_.address.find(':') == std::string::npos ? listening_.address : "[" + listening_.address + "]";
    std::printf("listening on http://%s:%d\n", address.c_str(), listening_.port);
    std::fflush(stdout);
    Log(LogLevel::kInfo, "serving",
        {{"listen", listening_.address + ":" + std::to_string(listening_.port)},
         {"ledger", ledger_->instance()},
         {"policy_version", std::to_string(policies_->current().version)}});
    return {};
  }

  // False: something was still under way when patience ended.
  bool Stop() {
    const auto begin = std::chrono::steady_clock::now();
    workers_->BeginStop();  // a charge that began now would have less patience than it needs
    const bool answered = server_->Stop(kStopPatience);
    const Millis left = kStopPatience - std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begin);
    return workers_->Stop(std::max(left, Millis{0})) && answered;
  }

 private:
  Status OpenStores() {
    if (!config_.clock.empty()) {
      auto followed = FollowedClock::Follow(config_.clock);
      if (!followed) return tl::unexpected(followed.error());
      followed_ = followed->get();
      clock_ = std::move(*followed);
    } else {
      clock_ = std::make_unique<SystemClock>();
    }
    auto ledger = OpenLedger(config_.ledger, {.sole_service = true});
    if (!ledger) return tl::unexpected(ledger.error());
    ledger_ = std::move(*ledger);
    std::string text;
    Result<Policy> policy =
        config_.policy.empty() ? Result<Policy>(BuiltInPolicy()) : LoadPolicy(config_.policy, &text);
    if (!policy) return Fail(Errc::kInvalidArgument, policy.error().detail);  // also one that is not there
    Result<PolicyBook> book = PolicyBook::Open(*ledger_, std::move(*policy), text);
    if (!book && book.error().code == Errc::kConflict) return Fail(Errc::kInvalidArgument, book.error().detail);
    if (!book) return tl::unexpected(book.error());
    policies_ = std::make_unique<PolicyBook>(std::move(*book));
    for (auto& [queue, lane] : {std::pair(&apply_queue_, "apply"), std::pair(&outside_queue_, "outside"),
                                std::pair(&message_queue_, "messages")}) {
      auto opened = OpenQueue(config_.queue, "dunlin:" + ledger_->instance() + ":" + lane);
      if (!opened) return tl::unexpected(opened.error());
      *queue = std::move(*opened);
    }
    return {};
  }

  Status OpenEngine() {
    auto api = StripeApi::Open({.base_url = config_.stripe_api_base,
                                .api_key = config_.stripe_api_key,
                                .api_version = config_.stripe_api_version});
    if (!api) return tl::unexpected(api.error());
    provider_ = std::move(*api);
    auto marketplace = Marketplace::Open(config_, *ledger_, *clock_, followed_, metrics_);
    if (!marketplace) return tl::unexpected(marketplace.error());
    marketplace_ = std::move(*marketplace);
    auto outbox = std::make_unique<FileOutbox>(OutboxFile(config_));
    if (const Status writable = outbox->CheckWritable(); !writable) {
      return Fail(Errc::kInvalidArgument, "outbox_file (DUNLIN_OUTBOX_FILE): " + writable.error().detail);
    }
    outbox_ = std::move(outbox);
    StripeIngest::Options ingest;
    ingest.secrets = config_.stripe_webhook_secrets;
    ingest.tolerance = config_.stripe_tolerance;
    ingest.livemode = LivemodeOf(config_.stripe_api_key);
    if (followed_ != nullptr) ingest.ask_time = [this] { return followed_->AskNow(); };
    ingest.on_verdict = [this](std::string_view verdict, std::chrono::nanoseconds took) {
      metrics_.OnWebhook("stripe", verdict, took);
    };
    ingest_ = std::make_unique<StripeIngest>(*ledger_, *clock_, std::move(ingest));
    engine_ = std::make_unique<Engine>(
        Engine{.ledger = *ledger_,
               .provider = *provider_,
               .marketplace = marketplace_->api(),
               .clock = *clock_,
               .random = random_,
               .policies = *policies_,
               .outbox = *outbox_,
               .observer = metrics_,
               .read = &ReadEvent,
               .ingest = [this](std::string_view body) { return ingest_->Take(body); },
               .confirm_topic = [this](std::string_view body) { return marketplace_->ConfirmTopic(body); },
               .retain = config_.retain});
    workers_ = std::make_unique<Workers>(
        *engine_, LaneQueues{*apply_queue_, *outside_queue_, *message_queue_},
        Workers::Options{.apply_threads = config_.apply_threads, .outside_threads = config_.outside_threads});
    return {};
  }

  Status OpenDoor() {
    const Result<Listening> listen = ParseListen(config_.listen);
    if (!listen) return tl::unexpected(listen.error());
    listening_ = *listen;
    HttpServer::Options options;
    options.address = listening_.address;
    options.port = listening_.port;
    options.body_bytes_max = config_.body_bytes_max;
    options.threads = config_.http_threads;
    options.trusted_proxies = config_.trusted_proxies;
    options.on_answered = [this](const HttpAnswered& answered) { OnAnswered(answered); };
    options.on_exception = [](std::string_view request_id, std::string_view) {
      Log(LogLevel::kError, "a handler threw", {{"request_id", std::string(request_id)}});
    };
    server_ = std::make_unique<HttpServer>(std::move(options));
    marketplace_->AddRoutes(*server_);
    server_->RouteLater("POST", "/webhooks/stripe", [this](const HttpRequest& request, const HttpResponder& responder) {
      ingest_->Handle(request, responder);
    });
    if (config_.benchmark_route)
      server_->Route("POST", "/benchmark/verify", [this](const HttpRequest& r) { return ingest_->VerifyOnly(r); });
    api_ = std::make_unique<ApiContext>(ApiContext{.ledger = *ledger_, .policies = *policies_, .clock = *clock_});
    AddApiRoutes(*server_, *api_);
    AddOperationRoutes(*server_, *ledger_, *clock_, metrics_, [this] { return Degraded(); });
    const Result<int> port = server_->Listen();
    if (!port) return tl::unexpected(port.error());
    listening_.port = *port;
    return {};
  }

  void OnAnswered(const HttpAnswered& answered) {
    metrics_.OnHttp(answered.route, answered.status);
    if (!answered.refused.empty()) metrics_.OnRefused(answered.route, answered.refused);
    // What is refused at the door is counted, not told one by one: a crowd could fill the log.
    const bool at_door = !answered.refused.empty() || answered.status == 429;
    const LogLevel level = at_door || answered.status < 400 ? LogLevel::kDebug
                           : answered.status < 500          ? LogLevel::kInfo
                                                            : LogLevel::kWarn;
    if (!LogEnabled(level)) return;
    Log(level, "answered",
        {{"method", std::string(answered.method)},
         {"route", std::string(answered.route)},
         {"status", std::to_string(answered.status)},
         {"peer", std::string(answered.peer)},
         {"request_id", std::string(answered.request_id)}});
  }

  bool Degraded() const {
    for (const Queue* queue : {apply_queue_.get(), outside_queue_.get(), message_queue_.get()}) {
      const auto* fallback = dynamic_cast<const FallbackQueue*>(queue);
      if (fallback != nullptr && fallback->degraded()) return true;
    }
    return false;
  }

  // What was missed while the service was away is asked for now, not in five minutes.
  Status WakeCatchUp() { return RequestCatchUp(*ledger_, clock_->Now()); }

  const Config& config_;
  SystemRandom random_;
  Metrics metrics_;
  Listening listening_;
  std::unique_ptr<Clock> clock_;
  FollowedClock* followed_ = nullptr;  // clock_, when it follows another
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<PolicyBook> policies_;
  std::unique_ptr<Queue> apply_queue_;
  std::unique_ptr<Queue> outside_queue_;
  std::unique_ptr<Queue> message_queue_;
  std::unique_ptr<ProviderApi> provider_;
  std::unique_ptr<Marketplace> marketplace_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<StripeIngest> ingest_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<ApiContext> api_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace

int Serve(const Config& config) {
  SetLogLevel(config.log_level);
  if (const Status fit = CheckForServing(config); !fit) {
    std::fprintf(stderr, "dunlin: %s\n", fit.error().detail.c_str());
    return 2;
  }
  for (const std::string& name : config.unknown_variables)
    Log(LogLevel::kWarn, "an environment variable that means nothing; docs/cli.md lists those there are",
        {{"variable", name}});
  const sigset_t signals = BlockSignals();
  RaiseDescriptorLimit();
  auto service = std::make_unique<Service>(config);
  if (const Status started = service->Start(); !started) {
    std::fprintf(stderr, "dunlin: %s\n", started.error().detail.c_str());
    return started.error().code == Errc::kInvalidArgument ? 2 : 1;
  }
  int received = 0;
  sigwait(&signals, &received);
  Log(LogLevel::kInfo, "stopping", {{"signal", std::to_string(received)}});
  if (!service->Stop()) {
    Log(LogLevel::kWarn, "stopped with work under way; the ledger holds it for the next start", {});
    std::fflush(nullptr);
    ::_exit(0);  // a call to the provider may hold its thread longer than we wait
  }
  Log(LogLevel::kInfo, "stopped", {});
  return 0;
}

}  // namespace dunlin
