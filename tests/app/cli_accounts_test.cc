// `dunlin accounts erase`, down to the bytes of the ledger's files.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "state/ledger.h"
#include "tests/app/program.h"
#include "tests/support/ledger_values.h"
#include "tests/support/scratch.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;
using testing::kNoon;
using testing::Ran;

constexpr const char* kAnn = "ann.smith@example.com";
constexpr const char* kBob = "bob.jones@example.com";

class AccountsCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Ledger>> ledger = OpenLedger(location_);
    ASSERT_TRUE(ledger) << ledger.error().detail;
    ledger_ = std::move(*ledger);
  }

  // A customer whose subscription has ended; everything that can tell an address does.
  void Customer(const std::string& account, const std::string& subscription, const std::string& address) {
    Subscription s = testing::MakeSubscription(subscription, account);
    s.values.status = SubscriptionStatus::kCanceled;
    s.values.access = Access::kRevoked;
    InvoiceFact invoice;
    invoice.id = InvoiceId("in_" + account);
    invoice.amount_due = {4000, "usd"};
    invoice.customer_email = address;
    invoice.hosted_url = "https://pay.example.com/" + address;
    s.facts.invoices = {invoice};
    Unit unit = testing::Save(std::move(s));
    const std::string body = R"({"customer":")" + account + R"(","email":")" + address + R"("})";
    for (int i = 0; i < 50; ++i) {
      unit.accept.push_back(testing::MakeEvent("evt_" + account + std::to_string(i), body + std::string(900, ' ')));
    }
    unit.aliases = {{"user-" + address, AccountId(account)}};
    NewJob mail = testing::MakeJob(JobKind::kMail, kNoon);
    mail.subject = subscription;
    mail.payload = Json{{"to", address}, {"text", std::string(3000, 'x')}}.dump();
    unit.jobs = {mail, mail};
    unit.alerts = {{.key = account, .kind = "k", .subject = subscription, .detail = address, .message = ""}};
    const Result<UnitResult> done = ledger_->Commit(std::move(unit));
    ASSERT_TRUE(done) << done.error().detail;
    Unit worked;  // the events are applied, and one of the mails was delivered
    for (std::size_t i = 0; i < 51; ++i) worked.done.push_back(done->new_jobs.at(i).id);
    for (int i = 0; i < 50; ++i) {
      const auto event = ledger_->FindEvent(Provider::kStripe, EventId("evt_" + account + std::to_string(i)));
      worked.events.push_back({.seq = event.value()->seq, .outcome = EventOutcome::kApplied, .at = kNoon});
    }
    ASSERT_TRUE(ledger_->Commit(std::move(worked)));
  }

  Ran Erase(const std::string& id, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"accounts", "erase", id, "--ledger", location_});
    return testing::RunDunlin(more);
  }
  // Whether any file of the ledger holds these bytes.
  bool InFiles(const std::string& bytes) const {
    bool found = false;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(path_).parent_path())) {
      found = found || testing::ReadFile(entry.path()).find(bytes) != std::string::npos;
    }
    return found;
  }

  const testing::ScratchDir scratch_;
  const std::string path_ = scratch_.File("l.db");
  const std::string location_ = "sqlite:" + path_;
  std::unique_ptr<Ledger> ledger_;  // open all the while, as a running service has it
};

TEST_F(AccountsCommandTest, NoByteOfAnErasedAddressIsLeftInTheLedgersFilesWhileAServiceRuns) {
  Customer("cus_1", "sub_1", kAnn);
  Customer("cus_2", "sub_2", kBob);
  ASSERT_TRUE(InFiles(kAnn));
  const Ran ran = Erase("cus_1", {"--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_FALSE(InFiles(kAnn));
  EXPECT_FALSE(InFiles("ann.smith"));
  EXPECT_TRUE(InFiles(kBob));
  const Json view = Json::parse(ran.out, nullptr, false);
  EXPECT_EQ(view["accounts"], Json::array({"cus_1"}));
  EXPECT_EQ(view["subscriptions"], Json::array({"sub_1"}));
  EXPECT_EQ(view["erased"]["bodies"], 50);
  EXPECT_EQ(view["erased"]["messages"], 1);
  EXPECT_EQ(view["erased"]["invoices"], 1);
  // The service goes on, and the sums are there.
  const auto record = ledger_->LoadSubscription(SubscriptionId("sub_1"));
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->subscription.facts.invoices.at(0).amount_due, (Money{4000, "usd"}));
  EXPECT_TRUE(ledger_->CheckWritable());
}

// The id that the product gave a buyer of the marketplace can be an address too.
TEST_F(AccountsCommandTest, NoByteOfWhoClaimedARegistrationIsLeft) {
  Customer("111122223333", "agmt-1", kAnn);
  Unit unit;
  unit.registrations = {{"hash-1", EventId{"registration/1"}, AccountId{"111122223333"}, kNoon, "", {}},
                        {"hash-2", EventId{"registration/2"}, AccountId{"444455556666"}, kNoon, "", {}}};
  ASSERT_TRUE(ledger_->Commit(std::move(unit)));
  Unit claims;
  claims.claims = {{"hash-1", "claims-" + std::string(kAnn), kNoon}, {"hash-2", kBob, kNoon}};
  ASSERT_TRUE(ledger_->Commit(std::move(claims)));
  ASSERT_TRUE(InFiles("claims-"));
  const Ran ran = Erase("111122223333");
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_FALSE(InFiles(kAnn));
  EXPECT_TRUE(InFiles(kBob));
}

TEST_F(AccountsCommandTest, OurOwnIdFindsTheAccount) {
  Customer("cus_1", "sub_1", kAnn);
  const Ran ran = Erase(std::string("user-") + kAnn);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("cus_1"), std::string::npos) << ran.out;
  EXPECT_FALSE(InFiles(kAnn));
}

TEST_F(AccountsCommandTest, ARunningSubscriptionIsRefusedUnlessForced) {
  ASSERT_TRUE(ledger_->Commit(testing::Save(testing::MakeSubscription("sub_1", "cus_1"))));
  const Ran refused = Erase("cus_1");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.err,
            "dunlin: subscription sub_1 has not ended; cancel it at the provider first, or erase it all the same with "
            "--force\n");
  EXPECT_EQ(Erase("cus_1", {"--force"}).exit_code, 0);
}

TEST_F(AccountsCommandTest, AnUnknownAccountIsSaidToBeUnknown) {
  const Ran ran = Erase("cus_9");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "dunlin: nothing is known of an account cus_9\n");
}

TEST_F(AccountsCommandTest, AnEventWithoutItsBodyIsShownAndNotReplayed) {
  Customer("cus_1", "sub_1", kAnn);
  ASSERT_EQ(Erase("cus_1").exit_code, 0);
  const Ran shown = testing::RunDunlin({"events", "show", "evt_cus_10", "--ledger", location_});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_NE(shown.out.find("Its body was dropped (retain), or erased with its account."), std::string::npos);
  const Ran json = testing::RunDunlin({"events", "show", "evt_cus_10", "--json", "--ledger", location_});
  EXPECT_EQ(Json::parse(json.out, nullptr, false)["body"], nullptr);
  const Ran replay = testing::RunDunlin({"events", "replay", "evt_cus_10", "--ledger", location_});
  EXPECT_EQ(replay.exit_code, 1);
  EXPECT_NE(replay.err.find("cannot be applied again: its body was dropped"), std::string::npos) << replay.err;
}

}  // namespace
}  // namespace dunlin
