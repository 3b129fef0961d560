// The client and the reader against the provider simulator, which shares no code with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/provider_sim/sim_fixture.h"
#include "workflows/providers/stripe/api.h"
#include "workflows/providers/stripe/read_event.h"

namespace dunlin {
namespace {

// A subscription that was paid once; the clock stands half an hour before its renewal is attempted.
class StripeSimTest : public sim::SimFixture {
 protected:
  void SetUp() override {
    SimFixture::SetUp();
    customer_ = MakeCustomer();
    sub_ = Subscribe(customer_, MakePrice(), "&metadata[account]=acct-7")["id"];
    Control("/_sim/clock", {{"to", "2026-02-01T00:30:00Z"}});
    invoice_ = LatestInvoice(sub_)["id"];
    StripeOptions options;
    options.base_url = sim_->url();
    options.api_key = "sk_test_sim";
    api_ = *StripeApi::Open(options);
  }

  void DeclineTheRenewal() {
    CardsOf(customer_, {{"behavior", "decline"}, {"decline_code", "insufficient_funds"}, {"times", 1}});
    Advance("1h");
  }

  Attempt NewAttempt(const std::string& key) const {
    Attempt attempt;
    attempt.key = AttemptKey{key};
    attempt.invoice = InvoiceId{invoice_};
    attempt.parameters = api_->PayParameters(attempt.invoice);
    return attempt;
  }
  PayOutcome Pay(const std::string& key) { return api_->Pay(NewAttempt(key)).outcome; }
  void Fault(const std::string& name) {
    Control("/_sim/faults", {{"api", {{name, 1}, {"paths", "/v1/invoices/"}, {"method", "POST"}}}});
  }

  std::string customer_, sub_, invoice_;
  std::unique_ptr<StripeApi> api_;
};

TEST_F(StripeSimTest, ADeclinedRenewalIsTakenOverDeclinedAgainAndPaid) {
  DeclineTheRenewal();
  const Result<InvoiceAnswer> taken = api_->TakeOver(InvoiceId{invoice_}, "job/1");
  ASSERT_TRUE(taken) << taken.error().detail;
  EXPECT_FALSE(taken->invoice.auto_advance);
  EXPECT_FALSE(taken->invoice.next_payment_attempt);
  EXPECT_EQ(taken->subscription.str(), sub_);

  CardsOf(customer_, {{"behavior", "decline"}, {"decline_code", "lost_card"}, {"times", 1}});
  const PayAnswer declined = api_->Pay(NewAttempt("job/2/0"));
  EXPECT_EQ(declined.outcome, PayOutcome::kDeclined) << declined.detail;
  EXPECT_EQ(declined.decline.code, "lost_card");
  EXPECT_EQ(Pay("job/2/0"), PayOutcome::kDeclined) << "the stored answer";

  const Result<InvoiceAnswer> open = api_->FetchInvoice(InvoiceId{invoice_});
  ASSERT_TRUE(open) << open.error().detail;
  ASSERT_TRUE(open->invoice.decline);
  EXPECT_EQ(open->invoice.decline->code, "lost_card");
  EXPECT_GE(open->invoice.decline_at, *ParseRfc3339("2026-02-01T01:30:00Z"));
  ASSERT_EQ(open->payment_intents.size(), 1U);
  EXPECT_EQ(api_->InvoiceOfPayment(open->payment_intents.front()), InvoiceId{invoice_});

  const PayAnswer paid = api_->Pay(NewAttempt("job/2/1"));
  EXPECT_EQ(paid.outcome, PayOutcome::kPaid) << paid.detail;
  EXPECT_EQ(paid.invoice->amount_remaining, 0);
  EXPECT_EQ(Pay("job/2/2"), PayOutcome::kRefused) << "nothing is left to pay";
  EXPECT_EQ(ChargesOf(invoice_).size(), 3U);
}

TEST_F(StripeSimTest, ALostAnswerIsFoundAgainUnderTheSameKeyAndChargesOnce) {
  DeclineTheRenewal();
  Fault("drop_answer_next");
  EXPECT_EQ(Pay("job/3/0"), PayOutcome::kUnknown);
  EXPECT_EQ(Pay("job/3/0"), PayOutcome::kPaid);
  EXPECT_EQ(ChargesOf(invoice_).size(), 2U) << "the declined one and one that was paid";
}

TEST_F(StripeSimTest, WhatGoesWrongOnTheProvidersSideHasItsOutcome) {
  DeclineTheRenewal();
  Fault("drop_request_next");
  EXPECT_EQ(Pay("job/4/0"), PayOutcome::kUnknown);
  Fault("status_429_next");
  EXPECT_EQ(Pay("job/4/0"), PayOutcome::kNotExecuted);
  Fault("status_409_next");
  const PayOutcome conflict = Pay("job/4/0");
  EXPECT_TRUE(conflict == PayOutcome::kNotExecuted || conflict == PayOutcome::kUnknown);
  EXPECT_EQ(ChargesOf(invoice_).size(), 1U);
  Fault("status_500_next");
  EXPECT_EQ(Pay("job/4/0"), PayOutcome::kStoredError);
  EXPECT_EQ(api_->FetchInvoice(InvoiceId{invoice_})->invoice.status, InvoiceStatus::kPaid) << "the 500 hid a payment";
  Attempt other = NewAttempt("job/4/0");
  other.parameters += "&forgive=true";
  EXPECT_EQ(api_->Pay(other).outcome, PayOutcome::kRefused) << "a key with other parameters";
}

TEST_F(StripeSimTest, ABankDebitIsUnderWay) {
  CardsOf(customer_, {{"behavior", "processing"}});
  Advance("1h");
  const Result<InvoiceAnswer> invoice = api_->FetchInvoice(InvoiceId{invoice_});
  ASSERT_TRUE(invoice) << invoice.error().detail;
  EXPECT_TRUE(invoice->processing);
}

TEST_F(StripeSimTest, FetchedAndToldSubscriptionsAreOfOneMind) {
  DeclineTheRenewal();
  const Result<SubscriptionAnswer> fetched = api_->FetchSubscription(SubscriptionId{sub_});
  ASSERT_TRUE(fetched) << fetched.error().detail;
  EXPECT_EQ(fetched->snapshot.status, ProviderStatus::kPastDue);
  EXPECT_FALSE(fetched->snapshot.customer_method.empty());
  EXPECT_EQ(fetched->account.str(), customer_);
  EXPECT_EQ(fetched->aliases.at(0).alias, "acct-7");
  ASSERT_TRUE(fetched->latest_invoice);
  EXPECT_EQ(fetched->latest_invoice->invoice.decline->code, "insufficient_funds");
  const Result<EventsPage> page = api_->ListEvents(*ParseRfc3339("2026-02-01T01:00:00Z"), "");
  ASSERT_TRUE(page) << page.error().detail;
  std::optional<SubscriptionSnapshot> told;
  int failures = 0;
  for (const std::string& body : page->bodies) {
    const Result<Digest> digest = ReadStripeEvent(body);
    ASSERT_TRUE(digest) << digest.error().detail << body;
    if (digest->snapshot && !told) told = digest->snapshot;  // the newest comes first
    failures += digest->invoice && !digest->invoice->failures.empty();
  }
  EXPECT_EQ(failures, 1);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->previous->status, ProviderStatus::kActive);
  told->kind = fetched->snapshot.kind;
  told->source = fetched->snapshot.source;
  told->created = fetched->snapshot.created;
  told->previous.reset();
  told->customer_method = fetched->snapshot.customer_method;  // an event does not hold the customer
  EXPECT_TRUE(*told == fetched->snapshot);
}

TEST_F(StripeSimTest, CancellingTwiceAnswersHowItStands) {
  for (int i = 0; i < 2; ++i) {
    const Result<SubscriptionAnswer> ended = api_->Cancel(SubscriptionId{sub_}, "job/5");
    ASSERT_TRUE(ended) << ended.error().detail;
    EXPECT_EQ(ended->snapshot.status, ProviderStatus::kCanceled);
  }
  const Result<SubscriptionAnswer> unknown = api_->Cancel(SubscriptionId{"sub_none"}, "job/6");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::kNotFound);
}

TEST_F(StripeSimTest, PagesOfEventsJoinWithoutGapOrRepetition) {
  for (int i = 0; i < 60; ++i) MakeCustomer();
  std::set<std::string> seen;
  std::size_t listed = 0;
  std::string cursor;
  int pages = 0;
  do {
    const Result<EventsPage> page = api_->ListEvents(Timestamp{}, cursor);
    ASSERT_TRUE(page) << page.error().detail;
    for (const std::string& body : page->bodies) seen.insert(ReadStripeEvent(body)->event.str());
    listed += page->bodies.size();
    cursor = page->next;
    ++pages;
  } while (!cursor.empty());
  EXPECT_GT(pages, 1);
  EXPECT_EQ(seen.size(), listed);
}

}  // namespace
}  // namespace dunlin
