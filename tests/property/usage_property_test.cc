// The rules of booking and freezing, played in any order: no report is lost, and what was frozen never changes.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <numeric>
#include <vector>

#include "state/derive_market.h"
#include "state/usage_rules.h"
#include "tests/support/usage_values.h"

namespace dunlin::property {
namespace {

using testing::kNoon;
using testing::kProduct;
using testing::MakeLicence;

const std::vector<std::string> kMetered = {"tokens", "seats"};

// One subscription's usage as a ledger would keep it, and a world that acts on it.
class Play {
 public:
  // One step; its meaning is drawn from `what`, its size from `size`.
  void Step(std::uint8_t what, std::uint16_t size) {
    switch (what % 10) {
      case 0:
      case 1:
      case 2:
      case 3: return Report(size);
      case 4:
      case 5: return Wait(Millis{1min} * (size % 90));
      case 6: return FreezeDue(false);
      case 7: return Notice();
      case 8: return Turn(size);
      default: return Wait(Millis{1h} * (size % 40));  // we were away
    }
  }

  void Check() {
    std::int64_t in_hours = unbooked_;
    for (const UsageHour& hour : hours_) in_hours += hour.quantity;
    RC_ASSERT(in_hours == reported_);
    for (const auto& [id, was] : frozen_) {
      const UsageHour& hour = hours_.at(IndexOf(id));
      RC_ASSERT(hour == was);
    }
    std::map<std::tuple<std::string, std::string, Timestamp>, int> seen;
    for (const UsageHour& hour : hours_) {
      RC_ASSERT(++seen[std::tuple(MeterId(hour.meter), hour.dimension, hour.hour)] == 1);
    }
  }

  // What is still open goes out sooner or later, whatever happened.
  void Settle() {
    for (int i = 0; i < 4; ++i) {
      now_ = NextFreezeRun(now_);
      FreezeDue(false);
    }
    for (const UsageHour& hour : hours_) RC_ASSERT(hour.state != UsageState::kOpen || hour.hour > now_);
  }

 private:
  UsageTerms Terms() const {
    return {.meter = {kProduct, MakeLicence(licence_), AwsAccountId{"1"}, {}},
            .from = from_,
            .until = until_,
            .ended = ended_};
  }

  void Report(std::uint16_t size) {
    const std::int64_t quantity = size % 7 == 0 ? kUsageQuantityMax / 2 : size % 100;
    const Timestamp at = now_ - Millis{1min} * (size % 3000) + 5min;
    const std::string& dimension = kMetered[size % 2];
    reported_ += quantity;
    const auto place = PlaceUsage(hours_, Terms(), dimension, quantity, at, now_);
    if (!place) {
      RC_ASSERT(until_.has_value());  // only an end leaves no hour
      unbooked_ += quantity;
      return;
    }
    RC_ASSERT(place->freezes_at >= now_);
    RC_ASSERT(place->freezes_at < UsageClosesAt(place->hour));
    RC_ASSERT(place->freezes_at >= place->hour);
    RC_ASSERT(place->hour >= UsageHourOf(at));
    if (until_) RC_ASSERT(place->freezes_at < *until_);
    Add(place->hour, place->meter, dimension, quantity);
  }

  void Add(Timestamp hour, const Meter& meter, const std::string& dimension, std::int64_t quantity) {
    for (UsageHour& h : hours_) {
      if (h.hour != hour || h.dimension != dimension || MeterId(h.meter) != MeterId(meter)) continue;
      RC_ASSERT(h.state == UsageState::kOpen);
      h.quantity += quantity;
      RC_ASSERT(h.quantity <= kUsageQuantityMax);
      return;
    }
    UsageHour made = testing::MakeHour(hour, quantity, UsageState::kOpen, dimension);
    made.meter = meter;
    made.id = ++ids_;
    hours_.push_back(made);
  }

  void FreezeDue(bool at_once) {
    for (int round = 0; round < 200; ++round) {
      UsageFreeze due = FreezeUsage(hours_, SubscriptionId{"l-01"}, Terms(), kMetered, now_, at_once);
      if (due.shift) {
        RC_ASSERT(due.freeze.empty());
        const UsageHour old = hours_.at(IndexOf(due.shift->id));
        RC_ASSERT(old.state == UsageState::kOpen);
        hours_.erase(hours_.begin() + static_cast<std::ptrdiff_t>(IndexOf(old.id)));
        Add(due.shift->to, due.shift->meter, old.dimension, old.quantity);
        continue;
      }
      for (UsageHour& hour : due.freeze) {
        hour.batch = "meter/1";
        RC_ASSERT(*hour.stamp <= now_);
        RC_ASSERT(UsageHourOf(*hour.stamp) == hour.hour);
        if (!ended_) RC_ASSERT(*hour.closes_at > now_ || until_.has_value());
        if (hour.id == 0) {
          hour.id = ++ids_;
          hours_.push_back(hour);
        } else {
          RC_ASSERT(hours_.at(IndexOf(hour.id)).state == UsageState::kOpen);
          hours_.at(IndexOf(hour.id)) = hour;
        }
        frozen_[hour.id] = hour;
      }
      return;
    }
    RC_FAIL("shifting never ends");
  }

  void Notice() {
    if (until_ || ended_) return;
    until_ = now_ + kLastUsageWindow;
    FreezeDue(true);
  }

  void Turn(std::uint16_t size) {
    if (ended_ || (until_ && size % 3 == 0)) {  // subscribed again
      from_ = now_;
      until_.reset();
      ended_ = false;
    } else if (until_ || size % 5 == 0) {  // the end is confirmed, or came without a notice
      until_ = now_;
      ended_ = true;
      FreezeDue(true);
    } else {
      licence_ = size % 2 == 0 ? "l-01" : "l-02";
    }
  }

  void Wait(Millis time) { now_ += time; }
  std::size_t IndexOf(std::int64_t id) const {
    for (std::size_t i = 0; i < hours_.size(); ++i) {
      if (hours_[i].id == id) return i;
    }
    RC_FAIL("an hour is gone");
  }

  Timestamp now_ = kNoon, from_ = kNoon - 24h * 3;
  std::optional<Timestamp> until_;
  bool ended_ = false;
  std::string licence_ = "l-01";
  std::vector<UsageHour> hours_;
  std::map<std::int64_t, UsageHour> frozen_;
  std::int64_t ids_ = 0, reported_ = 0, unbooked_ = 0;
};

RC_GTEST_PROP(UsageProperty, NothingIsLostAndNothingFrozenChanges, ()) {
  const auto steps = *rc::gen::resize(
      60,
      rc::gen::container<std::vector<std::pair<std::uint8_t, std::uint16_t>>>(rc::gen::resize(
          rc::kNominalSize, rc::gen::pair(rc::gen::arbitrary<std::uint8_t>(), rc::gen::arbitrary<std::uint16_t>()))));
  Play play;
  for (const auto& [what, size] : steps) {
    play.Step(what, size);
    play.Check();
  }
  play.Settle();
  play.Check();
}

}  // namespace
}  // namespace dunlin::property
