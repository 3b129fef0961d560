// The judges of the crash tests see what they are there to see.
#include "workflows/simulate/truth.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/ledger_values.h"

namespace dunlin::testing {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

class BrokenChargesTest : public ::testing::Test {
 protected:
  // An attempt of the ledger, closed.
  void Attempted(const std::string& key, Timestamp at) {
    Attempt attempt;
    attempt.key = AttemptKey{key};
    attempt.job = JobId{1};
    attempt.subscription = SubscriptionId{"sub_1"};
    attempt.invoice = InvoiceId{"in_1"};
    attempt.state = AttemptState::kDeclined;
    attempt.first_sent_at = at;
    attempt.finished_at = at;
    Unit unit;
    unit.open_attempts.push_back(attempt);
    ASSERT_TRUE(ledger_->Commit(std::move(unit)));
  }
  static Json Charge(const std::string& key, Timestamp at) {
    return {{"id", "ch_" + key},        {"invoice", "in_1"},      {"subscription", "sub_1"},      {"customer", "cus_1"},
            {"payment_method", "pm_1"}, {"idempotency_key", key}, {"created", ToUnixSeconds(at)}, {"status", "failed"}};
  }
  std::size_t Broken(const Json& charges) {
    return simulate::BrokenCharges(*ledger_, {{"charges", charges}}, rules_).size();
  }

  std::unique_ptr<Ledger> ledger_ = std::move(*OpenLedger("sqlite::memory:"));
  simulate::ChargeRules rules_{.min_gap = Millis{1h}, .card_limit = 3, .card_window = Millis{24h}, .cancelled = {}};
};

TEST_F(BrokenChargesTest, EachKindIsSeen) {
  Attempted("dunlin-1", kNoon);
  Attempted("dunlin-2", kNoon + 1h);
  const Json one = Charge("dunlin-1", kNoon);
  const Json two = Charge("dunlin-2", kNoon + 1h);
  EXPECT_EQ(Broken(Json::array({one, two})), 0U);
  EXPECT_EQ(Broken(Json::array({one, one, two})), 2U) << "a key twice, and so too soon";
  EXPECT_EQ(Broken(Json::array({Charge("dunlin-3", kNoon)})), 1U) << "no such attempt";
  EXPECT_EQ(Broken(Json::array({one, Charge("dunlin-2", kNoon + 59min)})), 1U) << "too soon";
  EXPECT_EQ(Broken(Json::array({one, two, Charge("somebody's", kNoon), Charge("else's", kNoon)})), 1U)
      << "the card's limit";
  rules_.heard_within = 1h;
  EXPECT_EQ(Broken(Json::array({one, two, Charge("somebody's", kNoon), Charge("else's", kNoon + 1min)})), 0U)
      << "one of them may not have been heard of";
  rules_.cancelled = {{"sub_1", kNoon + 30min}};
  EXPECT_EQ(Broken(Json::array({one, two})), 1U) << "after the cancellation";
}

}  // namespace
}  // namespace dunlin::testing
