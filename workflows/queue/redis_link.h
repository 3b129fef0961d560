// The connections to one Redis: a few to share among threads, and one thread that brings them back when it was away.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "state/clock.h"
#include "workflows/queue/redis_connection.h"

namespace dunlin {

// Thread-safe. While Redis is away calls fail at once and only the link's own thread waits for it: it tries again
// after 10 ms, then twice that and so on, at most 2 s apart with jitter, and never gives up.
class RedisLink {
 public:
  // Waits for the first try, at most about twice target.timeout (a name is looked up first). Cannot fail.
  explicit RedisLink(RedisTarget target);
  ~RedisLink();  // waits for a try that is under way, at most as long
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  SteadyTime DeadlineFromNow() const { return std::chrono::steady_clock::now() + target_.timeout; }

  // Runs the commands on a connection of their own by the deadline and returns one reply each. An error the server
  // answered is an error here too, except NOSCRIPT: it says that nothing was done, and comes back as a reply.
  // Errors: kUnavailable, naming the server and what happened. The outcome is then unknown, the connection is closed
  // and all others with it, since whatever ended this one has most likely ended them.
  Result<std::vector<RedisReplyPtr>> Run(const RedisCommands& commands, SteadyTime deadline);

 private:
  struct Lease {
    std::unique_ptr<RedisConnection> connection;
    std::uint64_t generation = 0;  // a failure of an earlier generation says nothing about this one
  };

  Result<Lease> Take(SteadyTime deadline);
  void GiveBack(Lease lease);
  tl::unexpected<Error> TakeDown(std::uint64_t generation, const Error& why);
  void KeepTrying();
  void TryOnce(std::unique_lock<std::mutex>& lock);
  Millis DelayBeforeNextTry();

  const RedisTarget target_;
  SystemRandom random_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<RedisEndpoint> endpoints_;                // as of the last try that connected
  std::vector<std::unique_ptr<RedisConnection>> idle_;  // ready for use
  bool up_ = false;
  bool tried_ = false;
  bool stopping_ = false;
  std::uint64_t generation_ = 0;
  unsigned failures_ = 0;  // since a command last went through
  std::string last_error_;
  std::thread reconnector_;
};

}  // namespace dunlin
