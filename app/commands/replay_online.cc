#include <chrono>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "app/commands/output.h"
#include "app/commands/replay.h"
#include "app/commands/replay_order.h"
#include "app/commands/webhook_post.h"
#include "state/clock.h"
#include "webhooks/stripe/signature.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;

struct Tally {
  std::size_t wanted = 0, sent = 0, accepted = 0, duplicates = 0;
  std::map<std::string, std::size_t> refused;  // why, and how many
  bool unreachable = false;                    // nobody answers there: the rest was not sent

  bool Clean() const { return refused.empty(); }
};

std::string WordIn(const std::string& body, std::string_view key) {
  const Json json = Json::parse(body, nullptr, false);
  const auto word = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && word != json.end() && word->is_string() ? word->get<std::string>() : "";
}

void Count(const WebhookAnswer& answer, Tally& tally) {
  if (answer.status == 0) {
    tally.unreachable = true;
    ++tally.refused["no answer: " + answer.trouble];
    return;
  }
  ++tally.sent;
  if (answer.status == 200) {
    ++tally.accepted;
    if (WordIn(answer.body, "verdict") == "duplicate") ++tally.duplicates;
    return;
  }
  const std::string code = WordIn(answer.body, "code");
  ++tally.refused[std::to_string(answer.status) + (code.empty() ? "" : " " + CleanLine(code))];
}

// On stderr, at most once a second.
class Progress {
 public:
  void Say(const Tally& tally) {
    const auto now = std::chrono::steady_clock::now();
    if (now - said_ < Seconds{1}) return;
    said_ = now;
    std::cerr << "dunlin: " << tally.sent << " of " << tally.wanted << " sent\n";
  }

 private:
  std::chrono::steady_clock::time_point said_ = std::chrono::steady_clock::now();
};

Json AsJson(const Tally& tally) {
  Json refused = Json::array();
  for (const auto& [reason, count] : tally.refused) refused.push_back({{"reason", reason}, {"count", count}});
  return {{"events", tally.wanted},
          {"sent", tally.sent},
          {"accepted", tally.accepted},
          {"duplicates", tally.duplicates},
          {"refused", refused}};
}

std::string AsText(const Tally& tally) {
  Table table({"RESULT", "EVENTS"});
  table.Add({"sent", std::to_string(tally.sent)});
  table.Add({"200", std::to_string(tally.accepted)});
  table.Add({"  of which duplicates", std::to_string(tally.duplicates)});
  for (const auto& [reason, count] : tally.refused) table.Add({"refused: " + reason, std::to_string(count)});
  if (tally.unreachable) table.Add({"not sent", std::to_string(tally.wanted - tally.sent)});
  return table.Text();
}

}  // namespace

int ReplayTo(const ReplayArguments& arguments, const ReplayFiles& files) {
  for (const ReplayEvent& event : files.events) {
    if (event.provider != Provider::kStripe)
      return Complain(event.where + ": an event of AWS Marketplace is signed by AWS; replay it with --offline",
                      kExitUsage);
  }
  const std::vector<std::size_t> order =
      OrderToSend(files.events.size(), {arguments.shuffle, arguments.duplicate, arguments.seed});
  WebhookPost post(arguments.to);
  const SystemClock clock;
  Progress progress;
  Tally tally;
  tally.wanted = order.size();
  for (const std::size_t place : order) {
    const std::string& body = files.events[place].body;
    Count(post.Send(body, SignStripePayload(body, arguments.secret, clock.Now())), tally);
    if (tally.unreachable) break;
    progress.Say(tally);
  }
  if (arguments.json) {
    PrintJson(AsJson(tally));
  } else {
    Print(AsText(tally));
  }
  return tally.Clean() ? kExitOk : kExitNo;
}

}  // namespace dunlin
