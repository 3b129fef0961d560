// Every kind of work on what is bought through AWS Marketplace, with every kind of trouble at every place.
#include <gtest/gtest.h>

#include "tests/workflows/trouble.h"
#include "workflows/effects/entitlement_sweep.h"

namespace dunlin::testing {
namespace {

using Kind = MarketNotice::Kind;

std::vector<Entitlement> Seats() {
  Entitlement e;
  e.dimension = "seats";
  e.value = std::int64_t{5};
  e.expires_at = kNoon + 240h;
  e.licence = MakeLicence("l-07");
  e.product = kProduct;
  return {e};
}

// Usage of the first hour, and the clock when that is over.
void UseAnHour(UsageWorld& w) {
  w.Begin();
  w.Use("k1", 7);
  w.clock.Set(kNoon + 70min);
}

constexpr const char* kTopic = "arn:aws:sns:us-east-1:1:topic";

std::vector<Story> Marketplace() {
  return {
      {"ABuyerRegisters",
       [](UsageWorld& w) {
         w.HearAll({OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1")});  // waits for it
         w.Store(News(Registered("c1", "l-01"), true));
       }},
      {"AnAgreementGoesOnAsAnother",
       [](UsageWorld& w) {
         w.HearAll({Registered("", "l-01"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1")});
         w.Store(News(OfAgreement(Kind::kAgreementCreated, kNoon, "agmt-1", AgreementStatus::kActive, "agmt-0"), true));
       }},
      {"TwoSubscriptionsAreOne",
       [](UsageWorld& w) {
         w.HearAll({Registered("", "l-01"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1"),
                    Registered("", "l-02"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-02", "agmt-2")});
         w.Store(News(OfAgreement(Kind::kAgreementCreated, kNoon + 1s, "agmt-2", AgreementStatus::kActive, "agmt-1"),
                      true));
       }},
      {"ReadingEntitlements",
       [](UsageWorld& w) {
         w.HearAll({OfLicence(Kind::kLicenceUpdated, kNoon, "l-07", "agmt-7", "123")});
         w.Hear(News(Registered("c1", "", "123"), true));
         w.ApplyAll();
         w.marketplace.WillEntitle(Seats());
       }},
      {"SweepingEntitlements",
       [](UsageWorld& w) {
         w.HearAll({Registered("c1", ""), Registered("", "l-01", "2"), Action(Kind::kSubscribed, kNoon, "c9")});
         w.clock.Set(kNoon + 25h);
       },
       [](UsageWorld& w, Ledger& ledger) { return RequestEntitlementSweep(ledger, w.clock.Now()); }},
      {"ATopicIsConfirmed",
       [](UsageWorld& w) {
         w.engine.confirm_topic = [](std::string_view) -> Result<std::string> { return std::string("s-1"); };
         Digest asks;
         asks.event = EventId{"m-1"};
         asks.created = kNoon;
         asks.acted_on = true;
         asks.topic = TopicNews{true, kTopic};
         w.Store(asks);
       }},
      {"FreezingAndSendingUsage", UseAnHour},
      {"SendingUsageThatAwsLeavesForLater",
       [](UsageWorld& w) {
         UseAnHour(w);
         w.book.unprocessed = {"tokens"};
       }},
      {"BookingUsage",
       [](UsageWorld& w) {
         w.Begin();
         w.clock.Set(kNoon + 20min);
       },
       [](UsageWorld& w, Ledger& ledger) -> Status {
         const auto booked = BookUsage(ledger, w.policies, w.Report("k1", 7), w.clock.Now());
         if (!booked) return tl::unexpected(booked.error());
         return {};
       }},
      {"BookingUsageAgain",
       [](UsageWorld& w) {
         w.Begin();
         w.Use("k1", 7);
       },
       [](UsageWorld& w, Ledger& ledger) -> Status {
         const auto booked = BookUsage(ledger, w.policies, w.Report("k1", 7), w.clock.Now());
         if (!booked) return tl::unexpected(booked.error());
         EXPECT_FALSE(booked->is_new);
         EXPECT_EQ(booked->send_at, kNoon + 70min);
         return {};
       }},
      {"BookingUsageOfAnEndedSubscription",
       [](UsageWorld& w) {
         w.Begin();
         w.End();
         w.clock.Set(kNoon + 20min);
       },
       [](UsageWorld& w, Ledger& ledger) -> Status {
         const auto booked = BookUsage(ledger, w.policies, w.Report("k1", 7), w.clock.Now());
         if (!booked) return tl::unexpected(booked.error());
         return {};
       }},
      {"UsageMovesToAnotherLicence",
       [](UsageWorld& w) {
         w.Begin();
         w.Use("k1", 7);
         w.clock.Set(kNoon + 2h);
         w.HearAll({OfAgreement(Kind::kAgreementCreated, kNoon + 1min, "agmt-2", AgreementStatus::kActive, "agmt-1"),
                    OfLicence(Kind::kLicenceDeprovisioned, kNoon + 63min, "l-01", "agmt-1"),
                    OfLicence(Kind::kLicenceUpdated, kNoon + 2min, "l-02", "agmt-2")});
       }},
  };
}

// Trouble with the marketplace itself may stay among the alerts here: nothing succeeds after it, or not in time.
std::vector<Story> MarketplaceEnds() {
  return {
      {"ReadingEntitlementsThatAreRefused",
       [](UsageWorld& w) {
         w.Hear(News(Registered("c1", ""), true));
         w.marketplace.WillEntitle(Fail(MarketplaceErrc::kInvalidParameter, "no such product"));
       }},
      {"AnEndIsAnnounced",
       [](UsageWorld& w) {
         w.Begin();
         w.Use("k1", 7);
         w.clock.Set(kNoon + 25min);
         w.Notice();
         w.RunUntil(kNoon + 40min);
         w.Use("k2", 5);
         w.RunUntil(kNoon + 74min);
         w.clock.Set(kNoon + 75min);
       }},
  };
}

std::vector<Story> AllOfTheMarketplace() {
  std::vector<Story> all = Marketplace();
  for (const Story& story : MarketplaceEnds()) all.push_back(story);
  return all;
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(MarketLedger, TroubleTest,
                         ::testing::Combine(::testing::ValuesIn(AllOfTheMarketplace()),
                                            ::testing::ValuesIn(kTroubleInTheLedger)),
                         TroubleTest::Name);
INSTANTIATE_TEST_SUITE_P(Marketplace, TroubleTest,
                         ::testing::Combine(::testing::ValuesIn(Marketplace()),
                                            ::testing::Values(Trouble::kMarketplaceBusy,
                                                              Trouble::kMarketplaceCredentials,
                                                              Trouble::kMarketplaceDisabled)),
                         TroubleTest::Name);

}  // namespace dunlin::testing
