// What every ledger does with usage, whatever keeps it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/usage_rules.h"
#include "tests/contract/ledger_contract.h"
#include "tests/support/usage_values.h"

namespace dunlin::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const SubscriptionId kId{"l-01"};

class UsageContract : public LedgerContract {
 protected:
  void SetUp() override {
    LedgerContract::SetUp();
    Must(Save(Metered(Registered("", "l-01"))));
  }

  static Unit Book(UsageBooking booking) {
    Unit unit;
    unit.usage.push_back(std::move(booking));
    return unit;
  }
  static Unit Freeze(UsageHour hour) {
    Unit unit;
    unit.freeze.push_back(MakeFrozen(std::move(hour)));
    return unit;
  }
  static Unit Settle(std::int64_t id, UsageState state, std::string record = "") {
    Unit unit;
    unit.usage_results.push_back({id, state, kNoon + 2h, std::move(record), "why"});
    return unit;
  }
  std::vector<UsageHour> Hours(Timestamp since = kNoon - 48h) { return ledger_->UsageOf(kId, since).value(); }
};

DUNLIN_FOR_EACH_LEDGER(UsageContract);

TEST_P(UsageContract, AnEntryComesBackWithItsHour) {
  const UsageBooking booking = MakeBooking("k1", kNoon, 7);
  Must(Book(booking));
  const auto found = ledger_->FindUsage(AccountId{"1"}, "k1").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->entry, booking.entry);
  ASSERT_TRUE(found->hour);
  UsageHour hour = MakeHour(kNoon, 7);
  hour.id = found->hour->id;
  EXPECT_EQ(*found->hour, hour);
  EXPECT_FALSE(ledger_->FindUsage(AccountId{"1"}, "k2").value());
  EXPECT_FALSE(ledger_->FindUsage(AccountId{"2"}, "k1").value());
}

TEST_P(UsageContract, EntriesOfOneHourAddUp) {
  Must(Book(MakeBooking("k1", kNoon, 7)));
  Must(Book(MakeBooking("k2", kNoon, 5)));
  ASSERT_THAT(Hours(), SizeIs(1));
  EXPECT_EQ(Hours()[0].quantity, 12);
}

TEST_P(UsageContract, AKeyIsUsedOnceForAnAccount) {
  Must(Book(MakeBooking("k1", kNoon, 7)));
  EXPECT_EQ(Refused(Book(MakeBooking("k1", kNoon, 7))), Errc::kConflict);
  EXPECT_EQ(Hours()[0].quantity, 7);  // the refused unit left nothing
  UsageBooking other = MakeBooking("k1", kNoon, 7);
  other.entry.account = AccountId{"2"};
  Must(Book(other));
}

TEST_P(UsageContract, BookingAsksForTheSubscriptionAsItWasRead) {
  UsageBooking stale = MakeBooking("k1", kNoon);
  stale.version = 2;
  EXPECT_EQ(Refused(Book(stale)), Errc::kConflict);
  stale.version = 1;
  stale.entry.subscription = SubscriptionId{"l-02"};
  EXPECT_EQ(Refused(Book(stale)), Errc::kConflict);
}

TEST_P(UsageContract, AnHourDoesNotOverflow) {
  Must(Book(MakeBooking("k1", kNoon, kUsageQuantityMax)));
  EXPECT_EQ(Refused(Book(MakeBooking("k2", kNoon, 1))), Errc::kConflict);
  Must(Book(MakeBooking("k3", kNoon, 0)));
}

TEST_P(UsageContract, AnEntryWithoutAnHourIsKept) {
  Must(Book(MakeBooking("k1", std::nullopt, 9)));
  EXPECT_FALSE(ledger_->FindUsage(AccountId{"1"}, "k1").value()->hour);
  EXPECT_EQ(ledger_->TotalUsage(kId).value().unbooked, (UsageCount{1, 9}));
}

TEST_P(UsageContract, AFrozenHourTakesNothingMore) {
  Must(Book(MakeBooking("k1", kNoon, 7)));
  Must(Freeze(Hours()[0]));
  EXPECT_EQ(Refused(Book(MakeBooking("k2", kNoon, 1))), Errc::kConflict);
  EXPECT_EQ(Refused(Freeze(Hours()[0])), Errc::kConflict);
  UsageHour frozen = MakeFrozen(MakeHour(kNoon, 7));
  frozen.id = Hours()[0].id;
  EXPECT_THAT(ledger_->FrozenUsage("meter/1").value(), ElementsAre(frozen));
  EXPECT_THAT(ledger_->FrozenUsage("meter/2").value(), IsEmpty());
}

TEST_P(UsageContract, AnHourIsFrozenWithTheQuantityThatWasRead) {
  Must(Book(MakeBooking("k1", kNoon, 7)));
  const UsageHour read = Hours()[0];
  Must(Book(MakeBooking("k2", kNoon, 1)));
  EXPECT_EQ(Refused(Freeze(read)), Errc::kConflict);
}

TEST_P(UsageContract, AnIdleHourIsFrozenUnlessSomethingWasBookedMeanwhile) {
  Must(Freeze(MakeHour(kNoon)));
  EXPECT_EQ(Refused(Freeze(MakeHour(kNoon))), Errc::kConflict);
  Must(Book(MakeBooking("k1", kNoon + 1h)));
  EXPECT_EQ(Refused(Freeze(MakeHour(kNoon + 1h))), Errc::kConflict);
}

TEST_P(UsageContract, AFrozenHourIsSettledOnce) {
  Must(Freeze(MakeHour(kNoon)));
  const std::int64_t id = Hours()[0].id;
  Must(Settle(id, UsageState::kSent, "record-1"));
  EXPECT_EQ(Refused(Settle(id, UsageState::kRefused)), Errc::kConflict);
  const UsageHour hour = Hours()[0];
  EXPECT_EQ(hour.state, UsageState::kSent);
  EXPECT_EQ(hour.metering_record_id, "record-1");
  EXPECT_EQ(hour.settled_at, kNoon + 2h);
  EXPECT_EQ(hour.detail, "why");
  EXPECT_THAT(ledger_->FrozenUsage("meter/1").value(), IsEmpty());
}

TEST_P(UsageContract, AnOpenHourIsNotSettled) {
  Must(Book(MakeBooking("k1", kNoon)));
  EXPECT_EQ(Refused(Settle(Hours()[0].id, UsageState::kSent)), Errc::kConflict);
}

TEST_P(UsageContract, WhatBreaksARuleIsRefused) {
  EXPECT_EQ(Refused(Book(MakeBooking("k1", kNoon + 1min))), Errc::kInvalidArgument);  // not the beginning of an hour
  EXPECT_EQ(Refused(Book(MakeBooking("k1", kNoon, -1))), Errc::kInvalidArgument);
  UsageBooking both = MakeBooking("k1", kNoon);
  both.meter.customer = CustomerIdentifier{"c1"};
  EXPECT_EQ(Refused(Book(both)), Errc::kInvalidArgument);
  Unit unit = Freeze(MakeHour(kNoon));
  unit.freeze[0].closes_at = kNoon + 25h;
  EXPECT_EQ(Refused(std::move(unit)), Errc::kInvalidArgument);
  unit = Freeze(MakeHour(kNoon));
  unit.freeze[0].batch = "";
  EXPECT_EQ(Refused(std::move(unit)), Errc::kInvalidArgument);
  unit = Freeze(MakeHour(kNoon));
  unit.freeze[0].stamp = kNoon + 1h;
  EXPECT_EQ(Refused(std::move(unit)), Errc::kInvalidArgument);
}

TEST_P(UsageContract, AnOpenHourIsShiftedWithItsEntries) {
  Must(Book(MakeBooking("k1", kNoon, 7)));
  Must(Book(MakeBooking("k2", kNoon + 2h, 1)));
  Unit unit;
  unit.usage_shifts.push_back({Hours()[0].id, 7, kNoon + 2h, OfLicenceOne()});
  Unit again = unit;
  Must(std::move(unit));
  ASSERT_THAT(Hours(), SizeIs(1));
  EXPECT_EQ(Hours()[0].quantity, 8);
  EXPECT_EQ(ledger_->FindUsage(AccountId{"1"}, "k1").value()->hour->hour, kNoon + 2h);
  EXPECT_EQ(Refused(std::move(again)), Errc::kConflict);
}

TEST_P(UsageContract, NothingIsShiftedToAFrozenHour) {
  Must(Book(MakeBooking("k1", kNoon, 7)));
  Must(Freeze(MakeHour(kNoon + 2h)));
  Unit unit;
  unit.usage_shifts.push_back({Hours()[0].id, 7, kNoon + 2h, OfLicenceOne()});
  EXPECT_EQ(Refused(std::move(unit)), Errc::kConflict);
  EXPECT_EQ(ledger_->FindUsage(AccountId{"1"}, "k1").value()->hour->hour, kNoon);
}

TEST_P(UsageContract, OpenHoursAreReadHoweverOldOthersFromAMomentOn) {
  Must(Book(MakeBooking("k1", kNoon - 50h)));
  Must(Freeze(MakeHour(kNoon - 49h)));
  Must(Freeze(MakeHour(kNoon - 1h)));
  std::vector<Timestamp> hours;
  for (const UsageHour& hour : Hours(kNoon - 1h)) hours.push_back(hour.hour);
  EXPECT_THAT(hours, ElementsAre(kNoon - 50h, kNoon - 1h));
}

TEST_P(UsageContract, TotalsTellWhatBecameOfIt) {
  Must(Book(MakeBooking("k1", kNoon, 7)));
  Must(Freeze(MakeHour(kNoon - 2h)));
  Must(Freeze(MakeHour(kNoon - 1h)));
  Must(Freeze(MakeHour(kNoon - 4h)));
  Must(Freeze(MakeHour(kNoon - 3h)));
  Must(Settle(Hours()[0].id, UsageState::kSent));
  Must(Settle(Hours()[1].id, UsageState::kDuplicate));
  const UsageTotals totals = ledger_->TotalUsage(kId).value();
  EXPECT_EQ(totals.open, (UsageCount{1, 7}));
  EXPECT_EQ(totals.frozen, (UsageCount{2, 0}));
  EXPECT_EQ(totals.sent, (UsageCount{1, 0}));
  EXPECT_EQ(totals.refused, (UsageCount{1, 0}));
  EXPECT_EQ(totals.next_deadline, kNoon + 22h);
  const UsageBacklog backlog = ledger_->CountUsageBacklog().value();
  EXPECT_EQ(backlog.frozen, 2);
  EXPECT_EQ(backlog.oldest_hour, kNoon - 2h);
  EXPECT_EQ(backlog.next_deadline, kNoon + 22h);
}

TEST_P(UsageContract, EveryWayOfNotBeingTakenCountsAsRefused) {
  int ago = 2;
  for (const UsageState state :
       {UsageState::kDuplicate, UsageState::kNotSubscribed, UsageState::kRefused, UsageState::kExpired}) {
    const Timestamp hour = kNoon - ago++ * 1h;
    Must(Freeze(MakeHour(hour)));
    Must(Settle(Hours(hour)[0].id, state));
  }
  EXPECT_EQ(ledger_->TotalUsage(kId).value().refused, (UsageCount{4, 0}));
  EXPECT_FALSE(ledger_->TotalUsage(kId).value().next_deadline);
}

TEST_P(UsageContract, TheNextDeadlineIsTheEarliestOfThoseOfAllHoursAndTheEnd) {
  const auto deadline = [&] { return ledger_->TotalUsage(kId).value().next_deadline; };
  Must(Freeze(MakeHour(kNoon - 1h)));
  EXPECT_EQ(deadline(), kNoon + 23h);
  Must(Book(MakeBooking("k1", kNoon)));  // later
  EXPECT_EQ(deadline(), kNoon + 23h);
  Must(Book(MakeBooking("k2", kNoon - 3h)));
  EXPECT_EQ(deadline(), UsageClosesAt(kNoon - 3h));
  Subscription ending = Stored("l-01");
  ending.values.cancel_at = kNoon + 2h;
  Must(Save(ending));
  EXPECT_EQ(deadline(), kNoon + 2h);
}

TEST_P(UsageContract, ASubscriptionThatIsNotThereHasNoUsage) {
  const UsageTotals totals = ledger_->TotalUsage(SubscriptionId{"l-99"}).value();
  EXPECT_EQ(totals.open, UsageCount{});
  EXPECT_EQ(totals.unbooked, UsageCount{});
  EXPECT_FALSE(totals.next_deadline);
}

TEST_P(UsageContract, HoursAreListedNewestFirst) {
  for (int i = 0; i < 5; ++i) Must(Freeze(MakeHour(kNoon + i * 1h)));
  std::vector<Timestamp> hours;
  Page page{.limit = 2};
  do {
    const Listing<UsageHour> some = ledger_->UsageHours(kId, page).value();
    for (const UsageHour& hour : some.items) hours.push_back(hour.hour);
    page.cursor = some.next;
  } while (!page.cursor.empty());
  EXPECT_THAT(hours, ElementsAre(kNoon + 4h, kNoon + 3h, kNoon + 2h, kNoon + 1h, kNoon));
  EXPECT_FALSE(ledger_->UsageHours(kId, {.cursor = "x"}));
}

TEST_P(UsageContract, UsageFollowsASubscriptionThatGoesByAnotherId) {
  Must(Book(MakeBooking("k1", kNoon, 7)));
  Must(Book(MakeBooking("k2", std::nullopt, 1)));
  Subscription renamed = Metered(Registered("", "l-01"));
  renamed.id = SubscriptionId{"agmt-1"};
  renamed.version = 1;
  Unit unit = Save(renamed);
  unit.moves = {{.from = kId, .version = 1, .to = renamed.id}};
  Must(std::move(unit));
  EXPECT_THAT(Hours(), IsEmpty());
  EXPECT_THAT(ledger_->UsageOf(renamed.id, kNoon).value(), SizeIs(1));
  EXPECT_EQ(ledger_->FindUsage(AccountId{"1"}, "k1").value()->entry.subscription, renamed.id);
  EXPECT_EQ(ledger_->TotalUsage(renamed.id).value().unbooked.records, 1);
}

TEST_P(UsageContract, AnErasedAccountLeavesItsUsageWithoutItsUsers) {
  Must(Book(MakeBooking("k1", kNoon, 7)));
  Unit unit;
  unit.erase = AccountId{"1"};
  Must(std::move(unit));
  const BookedUsage booked = ledger_->FindUsage(AccountId{"1"}, "k1").value().value();
  EXPECT_EQ(booked.entry.user, "");
  EXPECT_EQ(booked.hour->quantity, 7);
}

TEST_P(UsageContract, TwoSubscriptionsThatAreOneKeepTheUsageOfBoth) {
  Subscription other = Metered(Registered("c1", ""));
  other.id = SubscriptionId{"prod1/c1"};
  Must(Save(other));
  Must(Book(MakeBooking("k1", kNoon, 7)));
  UsageBooking theirs = MakeBooking("k2", kNoon, 2);
  theirs.entry.subscription = other.id;
  theirs.meter = {kProduct, {}, {}, CustomerIdentifier{"c1"}};
  Must(Book(theirs));
  Subscription kept = Metered(Registered("", "l-01"));
  kept.version = 1;
  Unit unit = Save(kept);
  unit.moves = {{.from = other.id, .version = 1, .to = kId, .joins = true}};
  Must(std::move(unit));
  EXPECT_THAT(Hours(), SizeIs(2));
  EXPECT_EQ(ledger_->TotalUsage(kId).value().open, (UsageCount{2, 9}));
}

}  // namespace
}  // namespace dunlin::testing
