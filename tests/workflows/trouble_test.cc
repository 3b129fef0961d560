// Every kind of work on what the payment provider collects, with every kind of trouble at every place.
#include "tests/workflows/trouble.h"

#include <gtest/gtest.h>

#include "workflows/effects/catch_up.h"
#include "workflows/effects/retention.h"
#include "workflows/erase_account.h"
#include "workflows/retry_request.h"

namespace dunlin::testing {
namespace {

const SubscriptionId kSub{"sub_1"};

// ---- Collecting --------------------------------------------------------------------------------------------------

// It is due now, and alone: nothing else that is due is left to be done.
void LeaveOnly(World& w, const std::string& key) {
  const std::optional<Job> job = w.FindJob(key);
  ASSERT_TRUE(job) << key;
  Unit later;
  later.retries.push_back({.id = job->id, .due = job->due + kDay, .count_try = false, .at = job->due});
  ASSERT_TRUE(w.base->Commit(std::move(later)));
  w.clock.Set(std::max(w.clock.Now(), job->due));
  while (w.RunDue() > 0) {
  }
  Unit now;
  now.retries.push_back({.id = job->id, .due = w.clock.Now(), .count_try = false, .at = w.clock.Now()});
  ASSERT_TRUE(w.base->Commit(std::move(now)));
}

// The first attempt is due, and the provider will answer so.
auto DueWith(const PayAnswer& answer) {
  return [answer](UsageWorld& w) {
    w.ReachDue();
    LeaveOnly(w, kCharge);
    for (int i = 0; i < 20; ++i) w.provider.WillPay(answer);
  };
}
PayAnswer Says(PayOutcome outcome) { return {.outcome = outcome, .detail = "as told"}; }

void StaffAsk(UsageWorld& w) {
  w.ReachDue();
  w.clock.Set(kNoon + 1h);
  ASSERT_TRUE(AskForRetry(*w.base, w.policies, kSub, "ann", "asked by phone", w.clock.Now()));
  for (int i = 0; i < 20; ++i) w.provider.WillPay(Declined());
}

void ReachTakeOver(UsageWorld& w) {
  w.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
  w.Hear(FailureDigest("evt_f", kNoon));
  w.ShowOwed();
  LeaveOnly(w, "take_over/in_1");
}

// The schedule of one step is spent, and the provider's events were just read.
void ReachCancel(UsageWorld& w) {
  CollectionPolicy one_step = ServicePolicy();
  one_step.retry_after = {kDay};
  w.policies = PolicyBook(PolicyOf(one_step));
  w.ReachDue();
  w.provider.WillPay(Declined());
  w.Run(kCharge);
}
void ReadEvents(UsageWorld& w) {
  ASSERT_TRUE(RequestCatchUp(*w.base, w.clock.Now()));
  LeaveOnly(w, "cancel/sub_1");
}

void BeInDoubt(UsageWorld& w) {
  w.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
  w.Hear(FailureDigest("evt_f", kNoon));
  w.provider.Shows(Standing(ProviderStatus::kPastDue), "sub_1");
  for (int i = 0; i < 20; ++i) w.provider.WillTakeOver(Answer(Invoice("", kNoon)));
  w.provider.Shows(Answer(Invoice("", kNoon)), "in_1");
}
void BeOwed(UsageWorld& w) {
  BeInDoubt(w);
  w.RunUntil(kNoon + 1min);
}

Digest PaymentDigest(const std::string& invoice = "") {
  Digest failed;
  failed.event = EventId{"evt_pi"};
  failed.created = kNoon;
  failed.failure =
      PaymentFailure{.payment_intent = "pi_1", .invoice = {}, .at = kNoon, .decline = {.code = "stolen_card"}};
  if (!invoice.empty()) failed.failure->invoice = InvoiceId{invoice};
  failed.acted_on = true;
  return failed;
}

std::vector<Story> Collecting() {
  return {
      {"AChargeThatIsPaid", DueWith(Paid())},
      {"AChargeThatIsDeclined", DueWith(Declined())},
      {"AChargeUnderWay",
       [](UsageWorld& w) {
         DueWith(Says(PayOutcome::kProcessing))(w);
         w.provider.DuringPay([&w](const auto&) {
           InvoiceAnswer under_way = Answer(Invoice("", kNoon));
           under_way.processing = true;
           w.provider.Shows(under_way, "in_1");
         });
       }},
      {"AChargeThatIsRefused", DueWith(Says(PayOutcome::kRefused))},
      {"AChargeWhoseErrorIsStored",
       [](UsageWorld& w) {
         DueWith(Says(PayOutcome::kStoredError))(w);
         w.provider.DuringPay(
             [&w](const auto&) { w.provider.Shows(Answer(Invoice("", kNoon, InvoiceStatus::kPaid)), "in_1"); });
       }},
      {"ARetryByStaff", StaffAsk},
      {"ARetryByStaffThatAPaymentOvertook",
       [](UsageWorld& w) {
         StaffAsk(w);
         w.Hear(PaidDigest("evt_paid", w.clock.Now()));
       }},
      {"AskingForARetry",
       [](UsageWorld& w) {
         w.ReachDue();
         w.clock.Set(kNoon + 1h);
         for (int i = 0; i < 20; ++i) w.provider.WillPay(Declined());
       },
       [](UsageWorld& w, Ledger& ledger) -> Status {
         const ApiReply reply{.key = "k", .request_hash = "h", .status = 202, .body = "{}", .at = w.clock.Now()};
         const auto before = ledger.FindReply(reply.key);
         if (!before) return tl::unexpected(before.error());
         if (*before) return {};
         const auto asked = AskForRetry(ledger, w.policies, kSub, "ann", "asked by phone", w.clock.Now(), reply);
         if (!asked) return tl::unexpected(asked.error());
         return {};
       }},
      {"TakingOver",
       [](UsageWorld& w) {
         ReachTakeOver(w);
         for (int i = 0; i < 20; ++i) w.provider.WillTakeOver(Answer(Invoice("", kNoon)));
       }},
      {"TakingOverWhatIsPaid",
       [](UsageWorld& w) {
         ReachTakeOver(w);
         for (int i = 0; i < 20; ++i) w.provider.WillTakeOver(Fail(Errc::kInvalidArgument, "it is paid"));
         w.provider.Shows(Answer(Invoice("", kNoon, InvoiceStatus::kPaid)), "in_1");
       }},
      {"Cancelling",
       [](UsageWorld& w) {
         ReachCancel(w);
         ReadEvents(w);
         for (int i = 0; i < 20; ++i) w.provider.WillCancel(Standing(ProviderStatus::kCanceled));
       }},
      {"CancellingThatIsRefused",
       [](UsageWorld& w) {
         ReachCancel(w);
         ReadEvents(w);
         for (int i = 0; i < 20; ++i) w.provider.WillCancel(Fail(Errc::kInvalidArgument, "no"));
       }},
      {"CancellingOneWhoPaid",
       [](UsageWorld& w) {
         ReachCancel(w);
         ReadEvents(w);
         w.provider.Shows(Standing(ProviderStatus::kActive), "sub_1");
         w.provider.Shows(Answer(Invoice("", kNoon, InvoiceStatus::kPaid)), "in_1");
       }},
  };
}

// ---- Learning ----------------------------------------------------------------------------------------------------

std::vector<Story> Learning() {
  return {
      {"AskingWhatIsInDoubt", BeInDoubt},
      {"AskingForWhatTheProviderDoesNotKnow",
       [](UsageWorld& w) {
         BeInDoubt(w);
         w.provider.Shows(Result<SubscriptionAnswer>(Fail(Errc::kNotFound, "none")), "sub_1");
       }},
      {"ThePeriodIsOver",
       [](UsageWorld& w) {
         w.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
         w.provider.Shows(Standing(ProviderStatus::kCanceled), "sub_1");
         LeaveOnly(w, "period/sub_1");
       }},
      {"ThePeriodIsNotOver",
       [](UsageWorld& w) {
         w.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
         ASSERT_TRUE(w.base->Commit(Add({.kind = JobKind::kPeriodCheck,
                                         .key = "period/sub_1",
                                         .subject = "sub_1",
                                         .due = kNoon,
                                         .payload = "{}",
                                         .on_same_key = OnSameKey::kReplace})));
       }},
      {"APaymentWhoseInvoiceIsNotKnown",
       [](UsageWorld& w) {
         BeOwed(w);
         w.Store(PaymentDigest());
         w.provider.ShowsPayment("pi_1", InvoiceId{"in_1"});
       }},
      {"APaymentWhoseInvoiceIsKnown",
       [](UsageWorld& w) {
         BeOwed(w);
         Unit unit;
         unit.links.push_back({"pi_1", InvoiceId{"in_1"}, kSub});
         ASSERT_TRUE(w.base->Commit(std::move(unit)));
         w.Store(PaymentDigest());
       }},
      {"APaymentThatNamesItsInvoice",
       [](UsageWorld& w) {
         BeOwed(w);
         w.Store(PaymentDigest("in_1"));
       }},
      {"AThinEventOfAnInvoice",
       [](UsageWorld& w) {
         BeOwed(w);
         w.Store(ThinDigest("evt_t", kNoon, "invoice", "in_1"));
       }},
      {"AThinEventOfAnInvoiceThatTheProviderDoesNotKnow",
       [](UsageWorld& w) {
         w.Store(ThinDigest("evt_t", kNoon, "invoice", "in_9"));
         w.provider.Shows(Result<InvoiceAnswer>(Fail(Errc::kNotFound, "none")), "in_9");
       }},
      {"AThinEventOfACustomer",
       [](UsageWorld& w) {
         BeOwed(w);
         w.Store(ThinDigest("evt_t", kNoon, "customer", "cus_1"));
       }},
      {"AThinEventOfTheList", [](UsageWorld& w) { w.Store(ThinDigest("evt_t", kNoon, "events", "")); }},
      {"CatchingUp",
       [](UsageWorld& w) {
         for (const char* id : {"1", "2", "3"}) {
           Digest listed = SnapshotDigest(std::string("evt_") + id, kNoon - 2h, ProviderStatus::kActive);
           listed.subscription = SubscriptionId{std::string("sub_") + id};
           w.digests.Add(listed);
         }
         w.Hear(SnapshotDigest("evt_w", kNoon - 5 * kDay, ProviderStatus::kActive));
         w.provider.during = [&w](const ScriptedProvider::Call& call) {
           if (call.what != "list") return;
           w.provider.WillList(call.key.empty() ? EventsPage{{"evt_1", "evt_2"}, "evt_2"} : EventsPage{{"evt_3"}, ""});
         };
       },
       [](UsageWorld& w, Ledger& ledger) { return RequestCatchUp(ledger, w.clock.Now()); }},
  };
}

// ---- Applying, telling, forgetting -------------------------------------------------------------------------------

Digest OfSubscription(Digest digest, const std::string& id) {
  digest.subscription = SubscriptionId{id};
  return digest;
}

void LiveAndEnd(UsageWorld& w) {
  w.ReachDue();
  Digest told = FailureDigest("evt_mail", kNoon, "", 2);
  told.invoice->customer_email = "ann@example.com";
  w.Hear(told);
  w.Hear(SnapshotDigest("evt_end", kNoon + 1h, ProviderStatus::kCanceled));
}
Status Erase(UsageWorld& w, Ledger& ledger) {
  Unit along;
  along.jobs.push_back(EraseAgainJob(AccountId{"cus_1"}, w.clock.Now()));
  const auto erased = EraseAccount(ledger, AccountId{"cus_1"}, StillRunning::kRefuse, w.clock.Now(), along);
  if (!erased) return tl::unexpected(erased.error());
  return {};
}
void ReachSecondErasure(UsageWorld& w) {
  LiveAndEnd(w);
  ASSERT_TRUE(Erase(w, *w.base));
  Digest late = FailureDigest("evt_late", kNoon + 2h, "", 3);
  late.invoice->customer_email = "ann@example.com";
  w.Hear(late);
  LeaveOnly(w, "erase/cus_1");
}

std::vector<Story> Keeping() {
  return {
      {"ApplyingAFailure",
       [](UsageWorld& w) {
         w.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
         w.Store(FailureDigest("evt_f", kNoon));
         w.provider.Shows(Standing(ProviderStatus::kPastDue), "sub_1");
         w.provider.Shows(Answer(Invoice("", kNoon)), "in_1");
         for (int i = 0; i < 20; ++i) w.provider.WillTakeOver(Answer(Invoice("", kNoon)));
       }},
      {"ApplyingWhatCannotBeRead",
       [](UsageWorld& w) { ASSERT_TRUE(w.base->Commit(Accept(MakeEvent("evt_x", "nonsense")))); }},
      {"ANewMethodOfTwoSubscriptions",
       [](UsageWorld& w) {
         for (const char* id : {"sub_1", "sub_2"})
           w.Hear(OfSubscription(SnapshotDigest("evt_a" + std::string(id), kNoon - 1s, ProviderStatus::kActive), id));
         w.Store(MethodDigest("evt_m", kNoon));
       }},
      {"TheEndOfAGrace",
       [](UsageWorld& w) {
         CollectionPolicy policy = ServicePolicy();
         policy.grace = 2 * kDay;
         w.policies = PolicyBook(PolicyOf(policy));
         BeInDoubt(w);
         w.RunUntil(kNoon + 1min);
         for (int i = 0; i < 20; ++i) w.provider.WillPay(Declined());
         LeaveOnly(w, "access/sub_1");
       }},
      {"TellingTheProduct",
       [](UsageWorld& w) {
         for (const Timestamp due : {kNoon, kNoon + 1h}) {
           NewJob job = MakeJob(JobKind::kNotify, due);
           job.subject = "sub_1";
           job.payload = "{\"due\":\"" + FormatRfc3339(due) + "\"}";
           ASSERT_TRUE(w.base->Commit(Add(job)));
         }
       },
       nullptr, true},
      {"Forgetting",
       [](UsageWorld& w) {
         w.Hear(SnapshotDigest("evt_1", kNoon, ProviderStatus::kCanceled));
         w.clock.Set(kNoon + kRetain + 1h);
       },
       [](UsageWorld& w, Ledger& ledger) { return RequestRetention(ledger, w.clock.Now()); }},
      {"ErasingAnAccount", LiveAndEnd, Erase},
      {"ErasingAnAccountAgain", ReachSecondErasure},
      {"ErasingAnAccountWhoseCustomerIsBack",
       [](UsageWorld& w) {
         ReachSecondErasure(w);
         w.Hear(OfSubscription(SnapshotDigest("evt_new", w.clock.Now() - 1s, ProviderStatus::kActive), "sub_2"));
       }},
  };
}

std::vector<Story> All() {
  std::vector<Story> all;
  for (const auto& some : {Collecting(), Learning(), Keeping()}) all.insert(all.end(), some.begin(), some.end());
  return all;
}
std::vector<Story> WithTheProvider() {
  std::vector<Story> some = Collecting();
  for (const Story& story : Learning()) some.push_back(story);
  return some;
}

// The provider's list of events is asked for, and the cancellation waits for it.
TEST(TroubleOfOneKindTest, ACancellationWaitsForTheEventsWhateverHappens) {
  const Story never_read = {"EventsThatWereNeverRead", [](UsageWorld& w) {
                              ReachCancel(w);
                              LeaveOnly(w, "cancel/sub_1");
                            }};
  const Story read_before = {"EventsThatWereReadTooLongAgo", [](UsageWorld& w) {
                               ReachCancel(w);
                               ReadEvents(w);
                               w.clock.Advance(2min);
                             }};
  for (const Trouble trouble : {Trouble::kNoAnswer, Trouble::kOutage, Trouble::kLostAnswer}) {
    ExpectTheSameEnd(never_read, trouble);
    ExpectTheSameEnd(read_before, trouble);
  }
}

}  // namespace

TEST_P(TroubleTest, TheWorkIsDoneOnceAndEndsTheSame) {
  ExpectTheSameEnd(std::get<0>(GetParam()), std::get<1>(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Ledger, TroubleTest,
                         ::testing::Combine(::testing::ValuesIn(All()), ::testing::ValuesIn(kTroubleInTheLedger)),
                         TroubleTest::Name);
INSTANTIATE_TEST_SUITE_P(Provider, TroubleTest,
                         ::testing::Combine(::testing::ValuesIn(WithTheProvider()),
                                            ::testing::Values(Trouble::kProviderSilent, Trouble::kProviderKey)),
                         TroubleTest::Name);

}  // namespace dunlin::testing
