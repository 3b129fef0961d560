// A load generator: many keep-alive connections on one thread, each with one request under way.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dunlin::bench {

struct LoadResult {
  std::uint64_t ok = 0;      // answered 200
  std::uint64_t failed = 0;  // answered otherwise, or not at all
  double seconds = 0;
  std::vector<double> latencies_ms;  // of the answered ones
};

// Sends what `next` makes until it returns an empty text or `seconds` have passed, over `connections` sockets to
// 127.0.0.1:port. `rate`: requests a second in an open loop; 0: as many as are answered.
LoadResult Load(int port, int connections, double seconds, double rate, const std::function<std::string()>& next);

double Percentile(std::vector<double> values, double p);

}  // namespace dunlin::bench
