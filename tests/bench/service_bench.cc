// Measures a real `dunlin serve` under load from this process, on the same machine. Run by hand; prints JSON.
//
//   service_bench BINARY FOLDER [SECONDS [PHASE]]   BINARY: dunlin; FOLDER: for its ledgers, made and emptied
//   PHASE: accept, event_to_access or pending; without it all of them
//
// Every event is distinct, about 2 KB, rightly signed, and answered only when it is durable. What is compared is
// measured in one run: machines differ, and one machine differs from hour to hour.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "state/clock.h"
#include "state/ledger.h"
#include "tests/bench/load.h"
#include "webhooks/http/server.h"
#include "webhooks/stripe/signature.h"

namespace dunlin::bench {
namespace {

using nlohmann::json;

constexpr const char* kSecret = "whsec_bench";
constexpr int kConnections = 64;

// One `dunlin serve`, stopped in the destructor.
class Served {
 public:
  // Without a provider calls to it fail at once.
  Served(const std::string& binary, const std::string& folder, const std::string& name,
         const std::string& provider = "http://127.0.0.1:1")
      : ledger_("sqlite:" + folder + "/" + name + ".db") {
    const std::string log = folder + "/" + name + ".out";
    pid_ = ::fork();
    if (pid_ == 0) {
      const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(out, 1);
      ::setenv("DUNLIN_STRIPE_WEBHOOK_SECRETS", kSecret, 1);
      ::setenv("DUNLIN_STRIPE_API_KEY", "sk_test_bench", 1);
      ::setenv("DUNLIN_STRIPE_API_BASE", provider.c_str(), 1);
      ::setenv("DUNLIN_BENCHMARK_ROUTE", "true", 1);
      ::setenv("DUNLIN_LOG_LEVEL", "error", 1);
      ::execl(binary.c_str(), binary.c_str(), "serve", "--listen", "127.0.0.1:0", "--ledger", ledger_.c_str(),
              "--policy", DUNLIN_SOURCE_DIR "/fixtures/policy.toml", nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 500 && port_ == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      std::ifstream file(log);
      std::string text;
      std::getline(file, text);
      const std::size_t colon = text.rfind(':');
      if (text.starts_with("listening") && colon != std::string::npos) port_ = std::stoi(text.substr(colon + 1));
    }
    if (port_ == 0) {
      std::cerr << "the service did not come up\n";
      std::exit(1);
    }
  }
  ~Served() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  int port() const { return port_; }
  const std::string& ledger() const { return ledger_; }

  // Processor time used so far, which says more than the clock while others use the machine too.
  double CpuSeconds() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    std::string text;
    std::getline(file, text);
    std::istringstream fields(text.substr(text.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }

  double ResidentMiB() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
    }
    return 0;
  }

 private:
  std::string ledger_;
  pid_t pid_ = -1;
  int port_ = 0;
};

std::string Request(const std::string& path, const std::string& body) {
  const std::string signature = SignStripePayload(body, kSecret, SystemClock().Now());
  return "POST " + path +
         " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nStripe-Signature: " + signature +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// A subscription's event of about 2 KB. `n` makes it distinct; `sub` says whose.
std::string Event(std::uint64_t n, std::uint64_t sub, const std::string& status, std::int64_t created) {
  // Written once and filled in: composing JSON for each event would measure this program.
  static const std::string text = [] {
    json event = {{"id", "evt_bench<n>"},
                  {"object", "event"},
                  {"api_version", "2026-10-28.endive"},
                  {"created", "<created>"},
                  {"livemode", false},
                  {"pending_webhooks", 1},
                  {"request", {{"id", nullptr}, {"idempotency_key", nullptr}}},
                  {"type", "customer.subscription.updated"}};
    event["data"]["object"] = {{"id", "sub_bench<sub>"},
                               {"object", "subscription"},
                               {"customer", "cus_bench<sub>"},
                               {"status", "<status>"},
                               {"created", "<created>"},
                               {"cancel_at_period_end", false},
                               {"cancel_at", nullptr},
                               {"collection_method", "charge_automatically"},
                               {"default_payment_method", nullptr},
                               {"latest_invoice", "in_bench<sub>"},
                               {"metadata", {{"filler", std::string(1100, 'x')}}}};
    event["data"]["object"]["items"] = {
        {"object", "list"},
        {"data",
         json::array({{{"id", "si_<sub>"},
                       {"current_period_start", "<created>"},
                       {"current_period_end", "<end>"},
                       {"price", {{"id", "price_pro_plus_month"}, {"product", "prod_bench"}, {"unit_amount", 4000}}},
                       {"quantity", 1}}})}};
    return event.dump();
  }();
  std::string event = text;
  const auto fill = [&event](std::string_view mark, const std::string& value) {
    for (std::size_t at = event.find(mark); at != std::string::npos; at = event.find(mark, at + value.size()))
      event.replace(at, mark.size(), value);
  };
  fill("\"<created>\"", std::to_string(created));
  fill("\"<end>\"", std::to_string(created + 2592000));
  fill("<n>", std::to_string(n));
  fill("<sub>", std::to_string(sub));
  fill("<status>", status);
  return event;
}

json Figures(const LoadResult& r) {
  return {{"per_second", static_cast<double>(r.ok) / r.seconds},
          {"answered", r.ok},
          {"failed", r.failed},
          {"p50_ms", Percentile(r.latencies_ms, 0.5)},
          {"p99_ms", Percentile(r.latencies_ms, 0.99)},
          {"p999_ms", Percentile(r.latencies_ms, 0.999)}};
}

std::int64_t Waiting(const std::string& location) {
  auto ledger = OpenLedger(location, {LedgerOptions::Mode::kOpenExisting});
  if (!ledger) return -1;
  std::int64_t apply = 0;
  const auto due = (*ledger)->DueJobs(SystemClock().Now(), 1'000'000);
  if (!due) return -1;
  for (const JobRef& job : *due) apply += job.lane == Lane::kApply ? 1 : 0;
  return apply;
}

// Each phase twice in turn, so that a drift of the machine does not favour one.
json Accept(const std::string& binary, const std::string& folder, double seconds) {
  std::uint64_t n = 0;
  const auto make = [&](const char* path) {
    return [&n, path] {
      ++n;
      return Request(path, Event(n, n, "active", SystemClock().Now().time_since_epoch().count() / 1000));
    };
  };
  json runs = json::array();
  for (int round = 0; round < 2; ++round) {
    const Served served(binary, folder, "accept" + std::to_string(round));
    const LoadResult verified = Load(served.port(), kConnections, seconds / 2, 0, make("/benchmark/verify"));
    const double cpu_of_verify = served.CpuSeconds();
    const auto begin = std::chrono::steady_clock::now();
    const LoadResult stored = Load(served.port(), kConnections, seconds, 0, make("/webhooks/stripe"));
    std::int64_t backlog = Waiting(served.ledger());
    const std::int64_t backlog_at_end = backlog;
    for (; backlog != 0 && std::chrono::steady_clock::now() - begin < std::chrono::minutes(3);
         backlog = Waiting(served.ledger()))
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const double applied_in = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const double ratio =
        (static_cast<double>(stored.ok) / stored.seconds) / (static_cast<double>(verified.ok) / verified.seconds);
    const auto microseconds = [](double cpu, std::uint64_t events) { return cpu * 1e6 / static_cast<double>(events); };
    runs.push_back({{"verify_only", Figures(verified)},
                    {"accepted", Figures(stored)},
                    {"ratio", ratio},
                    {"verify_only_cpu_us", microseconds(cpu_of_verify, verified.ok)},
                    {"accepted_and_applied_cpu_us", microseconds(served.CpuSeconds() - cpu_of_verify, stored.ok)},
                    {"backlog_when_load_ended", backlog_at_end},
                    {"drained", backlog == 0},
                    {"accepted_and_applied_per_second", static_cast<double>(stored.ok) / applied_in}});
  }
  return runs;
}

// An open loop of 500 events a second that take access away and give it back.
json EventToAccess(const std::string& binary, const std::string& folder, double seconds) {
  const Served served(binary, folder, "latency");
  std::uint64_t n = 0;
  const std::int64_t base = SystemClock().Now().time_since_epoch().count() / 1000;
  const LoadResult load = Load(served.port(), kConnections, seconds, 500, [&] {
    ++n;
    const std::uint64_t sub = n % 1000;
    return Request("/webhooks/stripe", Event(n, sub, (n / 1000) % 2 == 0 ? "active" : "past_due",
                                             base + static_cast<std::int64_t>(n / 1000)));
  });
  std::this_thread::sleep_for(std::chrono::seconds(1));
  std::string metrics;
  {
    const std::string command = "curl -s http://127.0.0.1:" + std::to_string(served.port()) + "/metrics";
    FILE* pipe = ::popen(command.c_str(), "r");
    char buffer[4096];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) metrics += buffer;
    ::pclose(pipe);
  }
  double total = 0;
  std::istringstream lines(metrics);
  std::vector<std::pair<double, double>> buckets;
  for (std::string line; std::getline(lines, line);) {
    const std::string prefix = "dunlin_event_to_access_seconds_bucket{le=\"";
    if (!line.starts_with(prefix)) continue;
    const std::string bound = line.substr(prefix.size(), line.find('"', prefix.size()) - prefix.size());
    const double count = std::stod(line.substr(line.rfind(' ')));
    buckets.emplace_back(bound == "+Inf" ? 1e9 : std::stod(bound), count);
    total = count;
  }
  double p99 = 0;
  for (const auto& [bound, count] : buckets) {
    if (count >= total * 0.99) {
      p99 = bound;
      break;
    }
  }
  return {{"events", Figures(load)}, {"access_changes", total}, {"p99_at_most_seconds", p99}};
}

// A provider that notes when it is asked, and has no answer.
class Clocked {
 public:
  Clocked() : server_(HttpServer::Options{.threads = 2}) {
    server_.Route("GET", "/v1/subscriptions/{id}", [this](const HttpRequest& request) {
      const Timestamp now = SystemClock().Now();
      const std::lock_guard lock(mutex_);
      asked_.emplace(request.path.substr(request.path.rfind('/') + 1), now);  // the first time only
      return HttpResponse{.status = 503, .body = "{}"};
    });
    const Result<int> port = server_.Listen();
    if (!port) std::exit(1);
    url_ = "http://127.0.0.1:" + std::to_string(*port);
    server_.Start();
  }
  const std::string& url() const { return url_; }
  std::map<std::string, Timestamp> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Timestamp> asked_;
  HttpServer server_;
  std::string url_;
};

// A million scheduled retries, and a hundred jobs of their lane that come due one after the other: when each asks the
// provider, which is how a retry begins.
json Pending(const std::string& binary, const std::string& folder) {
  const std::string location = "sqlite:" + folder + "/pending.db";
  const Timestamp now = SystemClock().Now();
  {
    auto ledger = OpenLedger(location);
    for (int i = 0; i < 1000; ++i) {
      Unit unit;
      for (int j = 0; j < 1000; ++j) {
        const std::string sub = "sub_" + std::to_string(i * 1000 + j);
        unit.jobs.push_back({.kind = JobKind::kCharge,
                             .key = "charge/" + sub,
                             .subject = sub,
                             .due = now + Millis{24h} + Seconds{i * 1000 + j},
                             .payload = "{}"});
      }
      if (!(*ledger)->Commit(std::move(unit))) std::exit(1);
    }
  }
  Clocked provider;
  const Served served(binary, folder, "pending", provider.url());
  const Timestamp first = SystemClock().Now() + Millis{3000};
  {
    auto ledger = OpenLedger(location, {LedgerOptions::Mode::kOpenExisting});
    Unit unit;
    for (int i = 0; i < 100; ++i) {
      const std::string sub = "due_" + std::to_string(i);
      unit.jobs.push_back({.kind = JobKind::kRefetch,
                           .key = "refetch/" + sub,
                           .subject = sub,
                           .due = first + Millis{i * 50},
                           .payload = "{}"});
    }
    if (!(*ledger)->Commit(std::move(unit))) std::exit(1);
  }
  while (provider.asked().size() < 100 && SystemClock().Now() < first + Seconds{20})
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::vector<double> late;
  for (const auto& [sub, at] : provider.asked())
    late.push_back(static_cast<double>((at - (first + Millis{std::stoi(sub.substr(4)) * 50})).count()));
  return {{"jobs", 1'000'000},
          {"resident_mib", served.ResidentMiB()},
          {"started", late.size()},
          {"late_ms_p50", Percentile(late, 0.5)},
          {"late_ms_max", Percentile(late, 1)}};
}

}  // namespace
}  // namespace dunlin::bench

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: service_bench BINARY FOLDER [SECONDS [PHASE]]\n";
    return 2;
  }
  const std::string folder = argv[2];
  const double seconds = argc > 3 ? std::stod(argv[3]) : 10;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string only = argc > 4 ? argv[4] : "";
  using namespace dunlin::bench;
  nlohmann::json out = {{"cores", std::thread::hardware_concurrency()}, {"connections", kConnections}};
  const auto wanted = [&only](const char* phase) {
    if (!only.empty() && only != phase) return false;
    std::cerr << phase << "…\n";
    return true;
  };
  if (wanted("accept")) out["accept"] = Accept(argv[1], folder, seconds);
  if (wanted("event_to_access")) out["event_to_access"] = EventToAccess(argv[1], folder, seconds);
  if (wanted("pending")) out["pending"] = Pending(argv[1], folder);
  std::cout << out.dump(2) << "\n";
  return 0;
}
