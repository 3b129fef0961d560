#include <thread>

#include "tests/provider_sim/sim_fixture.h"

namespace dunlin::sim {
namespace {

class IdempotencyTest : public SimFixture {
 protected:
  void SetUp() override {
    SimFixture::SetUp();
    customer_ = MakeCustomer("pm_card_chargeCustomerFail");
    sub_ = Subscribe(customer_, MakePrice())["id"];
    invoice_ = LatestInvoice(sub_)["id"];
    pay_ = "/v1/invoices/" + invoice_ + "/pay";
  }
  int Captures() {
    int captures = 0;
    for (const Json& charge : ChargesOf(invoice_)) captures += charge["status"] == "succeeded" ? 1 : 0;
    return captures;
  }
  std::string customer_, sub_, invoice_, pay_;
};

TEST_F(IdempotencyTest, TheSameKeyGivesTheSameAnswerAndIsSaidToBeAReplay) {
  AttachDefault(customer_, "pm_card_visa");
  const Reply first = Post(pay_, "", "key-1");
  const Reply again = Post(pay_, "", "key-1");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.headers.count("Idempotent-Replayed"), 0u);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.at("Idempotent-Replayed"), "true");
  EXPECT_EQ(again.headers.at("Original-Request"), first.headers.at("Request-Id"));
  EXPECT_NE(again.headers.at("Request-Id"), first.headers.at("Request-Id"));
  EXPECT_EQ(Captures(), 1);
}

TEST_F(IdempotencyTest, ADeclineIsReplayedWithoutAnotherAttempt) {
  const std::size_t before = ChargesOf(invoice_).size();
  EXPECT_EQ(Post(pay_, "", "key-1").status, 402);
  AttachDefault(customer_, "pm_card_visa");
  EXPECT_EQ(Post(pay_, "", "key-1").status, 402);
  EXPECT_EQ(ChargesOf(invoice_).size(), before + 1);
  EXPECT_EQ(Captures(), 0);
}

TEST_F(IdempotencyTest, OtherParametersWithTheSameKeyAreAnError) {
  EXPECT_EQ(Post(pay_, "", "key-1").status, 402);
  const Reply other = Post(pay_, "off_session=false", "key-1");
  EXPECT_EQ(other.status, 400);
  EXPECT_EQ(other.body["error"]["type"], "idempotency_error");
}

TEST_F(IdempotencyTest, ALostAnswerIsThereForTheSecondCall) {
  AttachDefault(customer_, "pm_card_visa");
  Control("/_sim/faults", {{"api", {{"drop_answer_next", 1}, {"paths", pay_}}}});
  EXPECT_EQ(Post(pay_, "", "key-1").status, 0);
  EXPECT_EQ(Captures(), 1);
  const Reply again = Post(pay_, "", "key-1");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body["status"], "paid");
  EXPECT_EQ(again.headers.count("Idempotent-Replayed"), 1u);
  EXPECT_EQ(Captures(), 1);
}

TEST_F(IdempotencyTest, AStoredServerErrorIsReplayedAlthoughTheChargeWentThrough) {
  AttachDefault(customer_, "pm_card_visa");
  Control("/_sim/faults", {{"api", {{"status_500_next", 1}, {"paths", pay_}}}});
  EXPECT_EQ(Post(pay_, "", "key-1").status, 500);
  EXPECT_EQ(Post(pay_, "", "key-1").status, 500);
  EXPECT_EQ(Captures(), 1);
  EXPECT_EQ(LatestInvoice(sub_)["status"], "paid");
}

TEST_F(IdempotencyTest, AFailedValidationKeepsNothing) {
  EXPECT_EQ(Post(pay_, "payment_method=pm_unknown", "key-1").status, 404);
  EXPECT_EQ(Post(pay_, "nonsense=1", "key-1").status, 400);
  EXPECT_EQ(Post(pay_, "", "key-1").status, 402);
}

TEST_F(IdempotencyTest, AKeyIsForgottenAfterADay) {
  EXPECT_EQ(Post(pay_, "", "key-1").status, 402);
  Advance("22h");
  EXPECT_EQ(Post(pay_, "", "key-1").headers.count("Idempotent-Replayed"), 1u);
  AttachDefault(customer_, "pm_card_visa");
  const std::string second = Subscribe(customer_, MakePrice())["id"];
  Advance("3h");
  EXPECT_EQ(Post("/v1/subscriptions/" + second, "metadata[a]=b", "key-1").status, 200);
}

TEST_F(IdempotencyTest, WhileAKeyIsInProgressAnotherRequestWithItIsAConflict) {
  AttachDefault(customer_, "pm_card_visa");
  Control("/_sim/faults", {{"api", {{"delay_ms", 400}, {"paths", pay_}}}});
  Reply slow;
  std::thread caller([&] { slow = Post(pay_, "", "key-1"); });
  std::this_thread::sleep_for(100ms);
  const Reply second = Post(pay_, "", "key-1");
  caller.join();
  EXPECT_EQ(slow.status, 200);
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(Captures(), 1);
}

}  // namespace
}  // namespace dunlin::sim
