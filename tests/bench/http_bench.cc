// Our front beside cpp-httplib's own server, in one run, each in a process of its own and alone at the time. Run by
// hand; prints JSON.
//
//   http_bench [SECONDS]      of each of the rounds, three for each server
//
// Both take a POST of 2 KB and answer a few bytes; cpp-httplib as well set up as it can be (no Nagle, connections that
// stay, a thread for each).
#include <httplib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/bench/load.h"
#include "webhooks/http/server.h"

namespace dunlin::bench {
namespace {

using nlohmann::json;

constexpr int kOurConnections = 512;
constexpr int kPlainConnections = 64;
constexpr int kRounds = 3;
constexpr const char* kAnswer = R"({"received":true})";

// Each tells its port through `ready` and serves until the process ends.
void ServeOurs(const std::function<void(int)>& ready) {
  HttpServer server({});
  server.Route("POST", "/", [](const HttpRequest&) { return HttpResponse{.body = kAnswer}; });
  const int port = server.Listen().value();
  server.Start();
  ready(port);
  ::pause();
}

void ServePlain(const std::function<void(int)>& ready) {
  httplib::Server server;
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(std::numeric_limits<int>::max());
  server.set_keep_alive_timeout(60);
  server.new_task_queue = [] { return new httplib::ThreadPool(kPlainConnections); };
  server.Post("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(kAnswer, "application/json");
  });
  ready(server.bind_to_any_port("127.0.0.1"));
  server.listen_after_bind();
}

LoadResult Measure(void (*serve)(const std::function<void(int)>&), int connections, double seconds) {
  int ends[2];
  if (::pipe(ends) != 0) std::exit(1);
  const pid_t pid = ::fork();
  if (pid == 0) {
    serve([&](int port) {
      if (::write(ends[1], &port, sizeof port) != sizeof port) ::_exit(1);
    });
    ::_exit(0);
  }
  int port = 0;
  if (::read(ends[0], &port, sizeof port) != sizeof port) std::exit(1);
  const std::string body(2048, 'x');
  const std::string request =
      "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  LoadResult result = Load(port, connections, seconds, 0, [&request] { return request; });
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  return result;
}

double PerSecond(const LoadResult& result) { return static_cast<double>(result.ok) / result.seconds; }

json Figures(const std::vector<LoadResult>& rounds, int connections) {
  std::vector<double> per_second, latencies;
  std::uint64_t failed = 0;
  for (const LoadResult& round : rounds) {
    per_second.push_back(PerSecond(round));
    latencies.insert(latencies.end(), round.latencies_ms.begin(), round.latencies_ms.end());
    failed += round.failed;
  }
  return {{"connections", connections},
          {"per_second", per_second},
          {"median_per_second", Percentile(per_second, 0.5)},
          {"failed", failed},
          {"p50_ms", Percentile(latencies, 0.5)},
          {"p99_ms", Percentile(latencies, 0.99)}};
}

}  // namespace
}  // namespace dunlin::bench

int main(int argc, char** argv) {
  using namespace dunlin::bench;
  const double seconds = argc > 1 ? std::stod(argv[1]) : 3;
  std::vector<LoadResult> ours, plain;
  for (int round = 0; round < kRounds; ++round) {  // in turn, so that a drift of the machine does not favour one
    ours.push_back(Measure(&ServeOurs, kOurConnections, seconds));
    plain.push_back(Measure(&ServePlain, kPlainConnections, seconds));
  }
  nlohmann::json out = {{"front", Figures(ours, kOurConnections)}, {"httplib", Figures(plain, kPlainConnections)}};
  out["ratio"] = out["front"]["median_per_second"].get<double>() / out["httplib"]["median_per_second"].get<double>();
  std::cout << out.dump(2) << "\n";
  return 0;
}
