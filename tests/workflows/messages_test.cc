#include "workflows/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/story.h"

namespace dunlin {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::kDay;
using testing::kNoon;
using ::testing::Not;

struct MailTest : ::testing::Test {
  MailTest() : subscription(testing::MakeSubscription("sub_1")), invoice(testing::Invoice("evt_1", kNoon)) {
    plan.title = "Pro";
  }
  json Mail(MailKind kind, bool knows_invoice = true, bool knows_plan = true) {
    const NewJob job = MailJob(kind, {.subscription = subscription,
                                      .invoice = knows_invoice ? &invoice : nullptr,
                                      .plan = knows_plan ? &plan : nullptr,
                                      .unique = "mail/1",
                                      .due = kNoon});
    EXPECT_EQ(job.key, "mail/1");
    EXPECT_EQ(job.due, kNoon);
    return json::parse(job.payload);
  }
  std::string Text(MailKind kind) { return Mail(kind)["text"]; }
  Subscription subscription;
  InvoiceFact invoice;
  PlanPolicy plan;
};

TEST_F(MailTest, AFailedPaymentIsNamedWithItsAmountPlanAndPayPage) {
  invoice.hosted_url = "https://pay.example/in_1";
  invoice.customer_email = "ann@example.org";
  const json mail = Mail(MailKind::kPaymentFailed);
  EXPECT_THAT(mail["text"].get<std::string>(), HasSubstr("The payment of 20.00 USD for Pro did not go through."));
  EXPECT_THAT(mail["text"].get<std::string>(), HasSubstr("Pay it here: https://pay.example/in_1"));
  EXPECT_EQ(mail["to"], "ann@example.org");
  EXPECT_EQ(mail["invoice"], "in_1");
  EXPECT_EQ(mail["amount_due"], 2000);
}

TEST_F(MailTest, WithoutAnInvoiceOrAPlanAMailIsStillWholeSentences) {
  for (const MailKind kind : {MailKind::kPaymentFailed, MailKind::kMethodNeeded}) {
    const json mail = Mail(kind, false, false);
    EXPECT_THAT(mail["text"].get<std::string>(), HasSubstr("The payment for your plan did not go through"));
    EXPECT_THAT(mail["text"].get<std::string>(), Not(HasSubstr("Pay it here")));
    EXPECT_FALSE(mail.contains("invoice"));
  }
  EXPECT_THAT(Mail(MailKind::kRecovered, false, false)["text"].get<std::string>(),
              HasSubstr("the payment for your plan arrived"));
  EXPECT_THAT(Mail(MailKind::kEnded, false, false)["text"].get<std::string>(),
              HasSubstr("The payment for your plan could not be collected"));
}

TEST_F(MailTest, TheCustomerIsToldWhatBecomesOfAccess) {
  EXPECT_THAT(Text(MailKind::kPaymentFailed), HasSubstr("You keep your paid features."));
  subscription.values.access_until = kNoon + kDay;
  EXPECT_THAT(Text(MailKind::kPaymentFailed), HasSubstr("You keep your paid features until 2026-11-22T12:00:00Z."));
  subscription.values.access = Access::kRevoked;
  EXPECT_THAT(Text(MailKind::kPaymentFailed), HasSubstr("Paid features are paused until it is paid."));
}

TEST_F(MailTest, TheNextAttemptIsNamedWhereThereIsOne) {
  EXPECT_EQ(Mail(MailKind::kPaymentFailed)["next_attempt_at"], nullptr);
  EXPECT_THAT(Text(MailKind::kPaymentFailed), Not(HasSubstr("We will try again")));
  subscription.recovery.next_attempt_at = kNoon + kDay;
  EXPECT_EQ(Mail(MailKind::kPaymentFailed)["next_attempt_at"], "2026-11-22T12:00:00Z");
  EXPECT_THAT(Text(MailKind::kPaymentFailed), HasSubstr("We will try again on 2026-11-22T12:00:00Z."));
}

}  // namespace
}  // namespace dunlin
