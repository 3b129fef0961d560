// A world in which usage is metered: product prod1, by "tokens". Buyer "1" holds licence l-01.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "state/usage_rules.h"
#include "tests/workflows/market_world.h"
#include "workflows/usage_booking.h"
#include "workflows/usage_jobs.h"

namespace dunlin::testing {

// AWS's book of usage: the first record of an hour stays, an identical one changes nothing.
class MeteringBook {
 public:
  std::set<std::string> unprocessed;     // dimensions that are left out, once
  std::set<std::string> no_agreement;    // dimensions whose buyer is not subscribed
  std::optional<Timestamp> bad_stamp;    // a record of that time sinks its batch
  std::optional<MarketplaceErrc> fails;  // every call, before anything is recorded
  bool loses_answer = false;             // once: recorded, and the answer is lost

  MarketplaceResult<std::vector<UsageOutcome>> Meter(std::span<const UsageRecord> records) {
    ++calls;
    if (fails) return Fail(*fails, "as the test asks");
    for (const UsageRecord& r : records) {
      if (bad_stamp == r.at) return Fail(MarketplaceErrc::kTimestampOutOfBounds, "too early");
    }
    std::vector<UsageOutcome> outcomes;
    for (const UsageRecord& r : records) outcomes.push_back(Take(r));
    if (std::exchange(loses_answer, false)) return Fail(MarketplaceErrc::kTemporary, "the answer was lost");
    return outcomes;
  }

  // "12:00 7" in the order of their time.
  std::vector<std::string> Read() const {
    std::vector<std::string> lines;
    for (const auto& [key, quantity] : book_)
      lines.push_back(FormatRfc3339(std::get<0>(key)).substr(11, 5) + " " + std::to_string(quantity));
    return lines;
  }
  std::int64_t Sum() const {
    std::int64_t sum = 0;
    for (const auto& [key, quantity] : book_) sum += quantity;
    return sum;
  }
  // Under one licence.
  std::int64_t SumOf(const std::string& licence) const {
    std::int64_t sum = 0;
    for (const auto& [key, quantity] : book_) {
      if (std::get<1>(key) == MakeLicence(licence).str()) sum += quantity;
    }
    return sum;
  }
  int calls = 0;

 private:
  UsageOutcome Take(const UsageRecord& r) {
    if (unprocessed.erase(r.dimension) > 0) return {UsageStatus::kUnprocessed, "", ""};
    if (no_agreement.contains(r.dimension)) return {UsageStatus::kCustomerNotSubscribed, "", "CustomerNotSubscribed"};
    const auto key = std::tuple(UsageHourOf(r.at), r.licence.str() + r.customer.str(), r.dimension);
    const auto [at, added] = book_.emplace(key, r.quantity);
    if (!added && at->second != r.quantity) return {UsageStatus::kDuplicateRecord, "", "DuplicateRecord"};
    return {UsageStatus::kSuccess, "record-" + std::to_string(book_.size()), "Success"};
  }

  std::map<std::tuple<Timestamp, std::string, std::string>, std::int64_t> book_;
};

struct UsageWorld : MarketWorld {
  explicit UsageWorld(std::vector<std::string> metered = {"tokens"}) {
    Policy policy = MarketPolicy();
    policy.metered = {{"prod1", std::move(metered)}};
    policies = PolicyBook(std::move(policy));
    marketplace.WillEntitle(std::vector<Entitlement>{});
    marketplace.WillMeter([this](std::span<const UsageRecord> records) { return book.Meter(records); });
  }

  // The buyer registers at noon, when AWS has provided the licence already.
  void Begin() {
    clock.Set(kNoon);
    HearAll({Registered("", "l-01"), OfLicence(MarketNotice::Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1")});
    ASSERT_TRUE(RequestUsageFreezing(*base, clock.Now()));
    RunUntil(clock.Now());
  }

  // RunUntil takes a bounded number of steps.
  void RunForHours(int hours) {
    for (int i = 0; i < hours; ++i) RunUntil(clock.Now() + 1h);
  }

  UsageReport Report(std::string key, std::int64_t quantity = 1) const {
    return {.account = "1", .user = "", .dimension = "tokens", .quantity = quantity, .at = clock.Now(), .key = key};
  }
  Result<UsageAnswer> Book(const UsageReport& report) { return BookUsage(ledger, policies, report, clock.Now()); }
  // The hour it is booked on, "12:00"; "none", or what went wrong.
  std::string Use(const UsageReport& report) {
    const Result<UsageAnswer> answer = Book(report);
    if (!answer) return answer.error().detail;
    return answer->booked.hour ? FormatRfc3339(answer->booked.hour->hour).substr(11, 5) : "none";
  }
  std::string Use(std::string key, std::int64_t quantity = 1) { return Use(Report(std::move(key), quantity)); }

  UsageTotals Totals() { return base->TotalUsage(SubscriptionId{IdOf("l-01")}).value(); }
  std::vector<UsageHour> Hours() { return base->UsageOf(SubscriptionId{IdOf("l-01")}, kNoon - 48h).value(); }
  // "12:00 7 sent".
  std::vector<std::string> Read() {
    std::vector<std::string> lines;
    for (const UsageHour& hour : Hours()) {
      lines.push_back(FormatRfc3339(hour.hour).substr(11, 5) + " " + std::to_string(hour.quantity) + " " +
                      std::string(UsageStateName(hour.state)));
    }
    return lines;
  }

  void Notice() {
    Hear(News(OfAgreement(MarketNotice::Kind::kAgreementEnded, clock.Now(), "agmt-1", AgreementStatus::kCancelled)));
  }
  void End() { Hear(News(OfLicence(MarketNotice::Kind::kLicenceDeprovisioned, clock.Now(), "l-01", "agmt-1"))); }

  MeteringBook book;
};

}  // namespace dunlin::testing
