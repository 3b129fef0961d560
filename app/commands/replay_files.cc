#include "app/commands/replay_files.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/commands/input.h"
#include "app/commands/json_slices.h"
#include "webhooks/stripe/envelope.h"
#include "workflows/providers/aws_marketplace/stored_event.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;

class Reader {
 public:
  Reader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {}

  Result<ReplayFiles> Read() {
    const JsonSlices top = SplitValues(text_);
    for (const JsonSlice& value : top.values) Take(value);
    NoteBroken(top);
    if (files_.events.empty() && mistakes_.empty()) mistakes_ = name_ + ": there is no event in it";
    if (!mistakes_.empty()) return Fail(Errc::kInvalidArgument, mistakes_);
    return std::move(files_);
  }

 private:
  void Take(const JsonSlice& value) {
    if (value.text.front() == '[') return TakeList(value);
    const auto events = value.text.front() == '{' ? FindMember(value, "events") : std::nullopt;
    if (!events || events->text.front() != '[') return TakeEvent(value);
    TakeList(*events);
    TakeWishes(value);
  }

  void TakeList(const JsonSlice& list) {
    const JsonSlices elements = SplitArray(list);
    for (const JsonSlice& element : elements.values) TakeEvent(element);
    NoteBroken(elements);
  }

  void TakeEvent(const JsonSlice& value) {
    if (IsOfMarketplace(value)) return TakeOfMarketplace(value);
    const Result<StripeEnvelope> envelope = ReadStripeEnvelope(value.text);
    if (!envelope) return Note(value.line, envelope.error().detail);
    files_.events.push_back(
        {Provider::kStripe, std::string(value.text), envelope->id, envelope->created, Where(value.line)});
  }

  static bool IsOfMarketplace(const JsonSlice& value) {
    if (value.text.front() != '{') return false;
    const auto type = FindMember(value, "type");
    return FindMember(value, "MessageId") || FindMember(value, "detail-type") ||
           (type && type->text == R"("registration.resolved")");
  }

  void TakeOfMarketplace(const JsonSlice& value) {
    const Result<NewEvent> event = MarketplaceEventOf(std::string(value.text), {});
    if (!event) return Note(value.line, event.error().detail);
    files_.events.push_back(
        {Provider::kAwsMarketplace, std::string(value.text), event->id, event->created, Where(value.line)});
  }

  // What a scenario says besides its events.
  void TakeWishes(const JsonSlice& scenario) {
    const Json json = Json::parse(scenario.text, nullptr, false);
    if (json.is_discarded()) return Note(scenario.line, "the scenario is not JSON");
    const auto policy = json.find("policy");
    if (policy != json.end()) {
      if (!policy->is_string()) return Note(scenario.line, "`policy` must be the name of a file");
      const std::filesystem::path folder = std::filesystem::path(name_).parent_path();
      files_.policy = (folder / policy->get_ref<const std::string&>()).lexically_normal().string();
    }
    const auto until = json.find("until");
    if (until == json.end()) return;
    const Result<Timestamp> at = until->is_string() ? ParseRfc3339(until->get_ref<const std::string&>())
                                                    : Fail(Errc::kInvalidArgument, "must be text");
    if (!at) return Note(scenario.line, "`until`: " + at.error().detail);
    files_.until = *at;
  }

  void NoteBroken(const JsonSlices& slices) {
    if (slices.broken_line) Note(*slices.broken_line, "not JSON: what begins here does not end as it should");
  }
  std::string Where(std::size_t line) const { return name_ + ":" + std::to_string(line); }
  void Note(std::size_t line, const std::string& what) {
    mistakes_ += (mistakes_.empty() ? "" : "\n") + Where(line) + ": " + what;
  }

  const std::string_view text_;
  const std::string name_;
  ReplayFiles files_;
  std::string mistakes_;
};

}  // namespace

Result<ReplayFiles> ReadReplayText(std::string_view text, const std::string& name) { return Reader(text, name).Read(); }

Result<ReplayFiles> ReadReplayFiles(const std::vector<std::string>& files) {
  ReplayFiles all;
  std::string mistakes;
  for (const std::string& file : files) {
    const Result<std::string> text = ReadInput(file);
    if (!text) return tl::unexpected(text.error());
    Result<ReplayFiles> one = ReadReplayText(*text, file == "-" ? "stdin" : file);
    if (!one) {
      mistakes += (mistakes.empty() ? "" : "\n") + one.error().detail;
      continue;
    }
    std::move(one->events.begin(), one->events.end(), std::back_inserter(all.events));
    if (!one->policy.empty() && !all.policy.empty() && one->policy != all.policy) {
      return Fail(Errc::kInvalidArgument,
                  file + ": this scenario goes by another policy than the one before it; name one with --policy");
    }
    if (!one->policy.empty()) all.policy = one->policy;
    if (one->until) all.until = std::max(all.until.value_or(*one->until), *one->until);
  }
  if (!mistakes.empty()) return Fail(Errc::kInvalidArgument, mistakes);
  return all;
}

}  // namespace dunlin
