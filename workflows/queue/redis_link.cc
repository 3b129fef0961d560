#include "workflows/queue/redis_link.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <utility>

namespace dunlin {
namespace {

constexpr Millis kFirstDelay{10};
constexpr Millis kLongestDelay{2000};
constexpr std::size_t kIdleMax = 16;

bool Refused(const redisReply& reply) {
  return reply.type == REDIS_REPLY_ERROR && !std::string_view(reply.str, reply.len).starts_with("NOSCRIPT");
}

}  // namespace

RedisLink::RedisLink(RedisTarget target) : target_(std::move(target)) {
  reconnector_ = std::thread([this] { KeepTrying(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return tried_; });
}

RedisLink::~RedisLink() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  reconnector_.join();
}

Result<std::vector<RedisReplyPtr>> RedisLink::Run(const RedisCommands& commands, SteadyTime deadline) {
  Result<Lease> lease = Take(deadline);
  if (!lease) return tl::unexpected(lease.error());
  Result<std::vector<RedisReplyPtr>> replies = lease->connection->Run(commands, deadline);
  if (!replies) return TakeDown(lease->generation, replies.error());
  for (const RedisReplyPtr& reply : *replies) {
    if (!Refused(*reply)) continue;
    const std::string answer(reply->str, std::min<std::size_t>(reply->len, 200));
    return TakeDown(lease->generation, Error{Errc::kUnavailable, "the server answered " + answer});
  }
  GiveBack(std::move(*lease));
  return replies;
}

Result<RedisLink::Lease> RedisLink::Take(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  if (!up_) return Fail(Errc::kUnavailable, target_.Shown() + " is away: " + last_error_);
  Lease lease{.connection = nullptr, .generation = generation_};
  while (!idle_.empty()) {
    lease.connection = std::move(idle_.back());
    idle_.pop_back();
    if (!lease.connection->ClosedByServer()) return lease;
  }
  const std::vector<RedisEndpoint> endpoints = endpoints_;
  lock.unlock();
  Result<std::unique_ptr<RedisConnection>> opened = RedisConnection::Open(endpoints, target_, deadline);
  if (!opened) return TakeDown(lease.generation, opened.error());
  lease.connection = std::move(*opened);
  return lease;
}

void RedisLink::GiveBack(Lease lease) {
  const std::scoped_lock lock(mutex_);
  if (lease.generation != generation_) return;
  failures_ = 0;
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(lease.connection));
}

tl::unexpected<Error> RedisLink::TakeDown(std::uint64_t generation, const Error& why) {
  {
    const std::scoped_lock lock(mutex_);
    if (generation == generation_) {
      ++generation_;
      ++failures_;
      up_ = false;
      idle_.clear();
      last_error_ = why.detail;
    }
  }
  changed_.notify_all();
  return Fail(Errc::kUnavailable, target_.Shown() + ": " + why.detail);
}

void RedisLink::KeepTrying() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (up_) {
      changed_.wait(lock, [this] { return stopping_ || !up_; });
    } else if (tried_ && changed_.wait_for(lock, DelayBeforeNextTry(), [this] { return stopping_; })) {
      return;
    } else {
      TryOnce(lock);
    }
  }
}

void RedisLink::TryOnce(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  Result<std::vector<RedisEndpoint>> endpoints = ResolveRedis(target_);  // each time: a failover may move the name
  Result<std::unique_ptr<RedisConnection>> opened = tl::unexpected(Error{Errc::kUnavailable, ""});
  if (endpoints) {
    opened = RedisConnection::Open(*endpoints, target_, DeadlineFromNow());
  } else {
    opened = tl::unexpected(endpoints.error());
  }
  lock.lock();
  tried_ = true;
  if (opened) {
    up_ = true;
    endpoints_ = std::move(*endpoints);
    idle_.push_back(std::move(*opened));
  } else {
    ++failures_;
    last_error_ = opened.error().detail;
  }
  changed_.notify_all();
}

Millis RedisLink::DelayBeforeNextTry() {
  const unsigned doublings = std::min(failures_ - 1, 10U);  // it is away, so there was a failure
  const Millis longest = std::min(kFirstDelay * (1 << doublings), kLongestDelay);
  const auto jitter = static_cast<Millis::rep>(random_.Next() % static_cast<std::uint64_t>(longest.count() / 2 + 1));
  return longest - Millis{jitter};
}

}  // namespace dunlin
