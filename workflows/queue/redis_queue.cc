#include "workflows/queue/redis_queue.h"

#include <hiredis/hiredis.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "state/check.h"

namespace dunlin {
namespace {

constexpr std::size_t kItemsPerCommand = 1'000;  // a ZADD of this size holds the server up for a few ms
constexpr std::size_t kItemsPerWindow = 10'000;  // sent in one go, under one deadline
constexpr std::size_t kClaimMax = 10'000;
constexpr std::int64_t kExactMax = std::int64_t{1} << 53;

// One step for the server, so two claimers never get the same id. What is due stands first in the set: removing by
// rank takes exactly what was read.
constexpr std::string_view kClaimScript = R"(
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #ids > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, #ids - 1) end
return ids
)";

std::string Sha1Hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  const int done = EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  DUNLIN_CHECK(done == 1);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

std::string Score(Timestamp t) { return std::to_string(std::clamp(ToUnixMillis(t), -kExactMax, kExactMax)); }

template <class Number>
std::optional<Number> NumberIn(const redisReply& reply) {
  Number value{};
  if (reply.type != REDIS_REPLY_STRING) return std::nullopt;
  const auto [end, error] = std::from_chars(reply.str, reply.str + reply.len, value);
  if (reply.len == 0 || error != std::errc{} || end != reply.str + reply.len) return std::nullopt;
  return value;
}

tl::unexpected<Error> NotOurs(const std::string& key) {
  return Fail(Errc::kUnavailable, "redis: " + key + " holds something other than job ids; is the key used elsewhere?");
}

}  // namespace

RedisQueue::RedisQueue(RedisTarget target, std::string key)
    : key_(std::move(key)), script_sha_(Sha1Hex(kClaimScript)), link_(std::move(target)) {}

Status RedisQueue::Offer(std::span<const QueueItem> items) {
  while (!items.empty()) {
    std::span<const QueueItem> window = items.first(std::min(items.size(), kItemsPerWindow));
    items = items.subspan(window.size());
    RedisCommands commands;
    while (!window.empty()) {
      const std::size_t count = std::min(window.size(), kItemsPerCommand);
      std::vector<std::string> args{"ZADD", key_, "LT"};  // adds what is new, and else keeps the smaller due time
      args.reserve(3 + 2 * count);
      for (const QueueItem& item : window.first(count)) {
        args.push_back(Score(item.due));
        args.push_back(std::to_string(ToInt(item.id)));
      }
      commands.Add(args);
      window = window.subspan(count);
    }
    const Result<std::vector<RedisReplyPtr>> replies = link_.Run(commands, link_.DeadlineFromNow());
    if (!replies) return tl::unexpected(replies.error());
  }
  return {};
}

Result<std::vector<JobId>> RedisQueue::Claim(Timestamp now, std::size_t max) {
  std::vector<JobId> claimed;
  if (max == 0) return claimed;
  const Result<RedisReplyPtr> reply = RunClaimScript(now, std::min(max, kClaimMax));
  if (!reply) return tl::unexpected(reply.error());
  if ((*reply)->type != REDIS_REPLY_ARRAY) return NotOurs(key_);
  claimed.reserve((*reply)->elements);
  for (const redisReply* member : std::span((*reply)->element, (*reply)->elements)) {
    const std::optional<std::int64_t> id = NumberIn<std::int64_t>(*member);
    if (!id) return NotOurs(key_);  // gone from the set now, and what was claimed with it will be offered again
    claimed.push_back(JobId{*id});
  }
  return claimed;
}

Result<std::optional<Timestamp>> RedisQueue::NextDue() {
  const std::array<std::string, 5> args{"ZRANGE", key_, "0", "0", "WITHSCORES"};
  const Result<RedisReplyPtr> reply = RunOne(args, link_.DeadlineFromNow());
  if (!reply) return tl::unexpected(reply.error());
  if ((*reply)->type == REDIS_REPLY_ARRAY && (*reply)->elements == 0) return std::optional<Timestamp>{};
  if ((*reply)->type != REDIS_REPLY_ARRAY || (*reply)->elements != 2) return NotOurs(key_);
  const std::optional<double> score = NumberIn<double>(*(*reply)->element[1]);
  constexpr auto kLimit = static_cast<double>(kExactMax);
  if (!score || !(*score >= -kLimit && *score <= kLimit)) return NotOurs(key_);
  return std::optional<Timestamp>{FromUnixMillis(static_cast<std::int64_t>(*score))};
}

Result<std::size_t> RedisQueue::Size() {
  const std::array<std::string, 2> args{"ZCARD", key_};
  const Result<RedisReplyPtr> reply = RunOne(args, link_.DeadlineFromNow());
  if (!reply) return tl::unexpected(reply.error());
  if ((*reply)->type != REDIS_REPLY_INTEGER || (*reply)->integer < 0) return NotOurs(key_);
  return static_cast<std::size_t>((*reply)->integer);
}

Result<RedisReplyPtr> RedisQueue::RunOne(std::span<const std::string> args, SteadyTime deadline) {
  RedisCommands commands;
  commands.Add(args);
  Result<std::vector<RedisReplyPtr>> replies = link_.Run(commands, deadline);
  if (!replies) return tl::unexpected(replies.error());
  return std::move(replies->front());
}

Result<RedisReplyPtr> RedisQueue::RunClaimScript(Timestamp now, std::size_t max) {
  const SteadyTime deadline = link_.DeadlineFromNow();
  std::array<std::string, 6> args{"EVALSHA", script_sha_, "1", key_, Score(now), std::to_string(max)};
  Result<RedisReplyPtr> reply = RunOne(args, deadline);
  if (!reply || (*reply)->type != REDIS_REPLY_ERROR) return reply;
  args[0] = "EVAL";  // NOSCRIPT: a new or flushed server. EVAL runs the script and makes the server remember it.
  args[1] = kClaimScript;
  return RunOne(args, deadline);
}

}  // namespace dunlin
