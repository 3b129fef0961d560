// I3 and I9 for AWS Marketplace: the same events in every order, some twice, some before anybody has registered, come
// to the same subscriptions under the same ids, and each change of one has one row in its timeline.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <set>

#include "tests/support/instrumented.h"
#include "tests/workflows/market_world.h"

namespace dunlin::testing {
namespace {

using Kind = MarketNotice::Kind;
using Story = std::vector<MarketFacts>;

constexpr int kFew = testing::kInstrumented ? 8 : 1;  // of the orders, one in this many

MarketFacts Up(Millis after, const std::string& licence, const std::string& agreement) {
  return OfLicence(Kind::kLicenceUpdated, kNoon + after, licence, agreement);
}
MarketFacts Down(Millis after, const std::string& licence, const std::string& agreement) {
  return OfLicence(Kind::kLicenceDeprovisioned, kNoon + after, licence, agreement);
}
MarketFacts Created(Millis after, const std::string& agreement, const std::string& previous = "") {
  return OfAgreement(Kind::kAgreementCreated, kNoon + after, agreement, AgreementStatus::kActive, previous);
}
MarketFacts Ended(Millis after, const std::string& agreement, AgreementStatus status) {
  return OfAgreement(Kind::kAgreementEnded, kNoon + after, agreement, status);
}

// The old kind: actions alone.
Story Actions() {
  return {Registered("c1", ""),
          Action(Kind::kSubscribeFailed, kNoon),
          Action(Kind::kSubscribed, kNoon + 1h),
          Action(Kind::kUnsubscribePending, kNoon + 2h),
          Action(Kind::kSubscribed, kNoon + 3h),
          Action(Kind::kUnsubscribePending, kNoon + 4h),
          Action(Kind::kUnsubscribed, kNoon + 5h)};
}

// The new kind, renewed once and then cancelled.
Story Events() {
  return {Registered("", "l-01"),          Created(0h, "agmt-1"),    Up(1h, "l-01", "agmt-1"),
          Created(2h, "agmt-0", "agmt-1"), Up(3h, "l-02", "agmt-0"), Ended(4h, "agmt-1", AgreementStatus::kRenewed),
          Down(5h, "l-01", "agmt-1")};
}

// Both at once, the licence's side tied to the customer by the registration.
Story Mixed() {
  return {Registered("c1", "l-01"),
          Action(Kind::kSubscribed, kNoon),
          Up(1h, "l-01", "agmt-1"),
          Ended(2h, "agmt-1", AgreementStatus::kCancelled),
          Action(Kind::kUnsubscribePending, kNoon + 2h),
          Down(3h, "l-01", "agmt-1")};
}

// Two registrations whose agreements turn out to be one, and a buyer who never registers.
Story Joined() {
  return {Registered("", "l-01"),   Registered("", "l-02"),          Up(1h, "l-01", "agmt-1"),
          Up(2h, "l-02", "agmt-2"), Created(2h, "agmt-2", "agmt-1"), Action(Kind::kSubscribed, kNoon, "c9")};
}

// ---- Renaming, so that one ledger serves many orders -------------------------------------------------------------

// Every id with a mark of its own behind it: no order meets another one's ids.
class Marked {
 public:
  explicit Marked(int order) : mark_("x" + std::to_string(order)), hex_(std::to_string(order)) {}

  MarketFacts operator()(MarketFacts facts) const {
    for (MarketRegistration& r : facts.registrations) Mark(r);
    for (MarketNotice& n : facts.notices) {
      Mark(n);
      Add(n.agreement);
      Add(n.previous_agreement);
    }
    return facts;
  }
  std::string Without(std::string id) const {
    for (std::size_t at = id.find(mark_); at != id.npos; at = id.find(mark_)) id.erase(at, mark_.size());
    if (id.starts_with("l-")) id.erase(id.size() - hex_.size());
    return id;
  }

 private:
  template <class Fact>
  void Mark(Fact& fact) const {
    Add(fact.source);
    Add(fact.customer);
    Add(fact.account);
    if (!fact.licence.empty()) fact.licence = LicenceArn{fact.licence.str() + hex_};  // its id is hexadecimal
  }
  template <class IdType>
  void Add(IdType& id) const {
    if (!id.empty()) id = IdType{id.str() + mark_};
  }

  const std::string mark_, hex_;
};

// ---- What an order comes to --------------------------------------------------------------------------------------

std::string Show(const std::optional<Timestamp>& t) { return t ? FormatRfc3339(*t) : "-"; }

std::string Show(const Subscription& s) {
  const Values& v = s.values;
  return std::string(StatusName(v.status)) + " " + std::string(AccessName(v.access)) + " " + v.plan + " paid " +
         Show(v.paid_until) + " ends " + Show(v.cancel_at) + " until " + Show(v.access_until);
}

// I9: the rows lead from nothing to how it stands now, one for each change.
std::string BreakIn(const std::vector<TimelineRow>& rows, const Values& now) {
  SubscriptionStatus status = Values{}.status;
  Access access = Values{}.access;
  for (const TimelineRow& row : rows) {
    if (!row.status_to && !row.access_to) continue;
    if (row.status_to && (*row.status_from != status || *row.status_to == status)) return row.reason;
    if (row.access_to && (*row.access_from != access || *row.access_to == access)) return row.reason;
    if (row.reason.empty() || row.rule.empty()) return "a row without a reason";
    status = row.status_to.value_or(status);
    access = row.access_to.value_or(access);
  }
  return status == now.status && access == now.access ? "" : "the last change has no row";
}

class Telling {
 public:
  Telling(MarketWorld& world, int number, const Story& story) : world_(world), marked_(number) {
    for (const MarketFacts& facts : story) {
      events_.push_back(marked_(facts));
      for (const MarketKey& key : KeysOf(events_.back())) keys_.insert(key.id);
    }
  }

  // Every id, the subscription that it leads to, and how that stands.
  std::string InOrder(const std::vector<std::size_t>& order) {
    std::vector<Digest> heard;
    for (const std::size_t i : order) heard.push_back(News(events_[i]));
    world_.HearTogether(heard);
    std::string text;
    for (const std::string& key : keys_) {
      const std::string id = world_.IdOf(key);
      text += marked_.Without(key) + " is " + marked_.Without(id);
      if (!id.empty()) text += ": " + Show(world_.Record(id).subscription);
      text += "\n";
    }
    return text;
  }
  void CheckTimelines() {
    for (const std::string& key : keys_) {
      const std::string id = world_.IdOf(key);
      if (id.empty()) continue;
      ASSERT_EQ(BreakIn(world_.Rows(key), world_.Record(id).subscription.values), "");
    }
  }

 private:
  MarketWorld& world_;
  const Marked marked_;
  Story events_;
  std::set<std::string> keys_;
};

struct MarketOrderTest : ::testing::Test {
  // A ledger grows with each order; a new one now and then keeps it quick.
  MarketWorld& World() {
    if (told_++ % 500 == 0) {
      world_.emplace();
      world_->clock.Set(kNoon + 24h);
    }
    return *world_;
  }

  // Where two are joined each has a past of its own: only the end can be compared then.
  void TellInEveryOrder(const Story& story, bool joins = false) {
    std::vector<std::size_t> order(story.size());
    std::iota(order.begin(), order.end(), 0);
    const std::string wanted = Telling(World(), 0, story).InOrder(order);
    int number = 0;
    do {
      if (++number % kFew != 0) continue;
      Tell(story, number, order, wanted, joins);
    } while (std::next_permutation(order.begin(), order.end()) && !HasFailure());
  }

  void Tell(const Story& story, int number, const std::vector<std::size_t>& order, const std::string& wanted,
            bool joins) {
    Telling telling(World(), number, story);
    ASSERT_EQ(telling.InOrder(order), wanted) << ::testing::PrintToString(order);
    if (!joins) telling.CheckTimelines();
  }

  std::optional<MarketWorld> world_;
  int told_ = 0;
};

TEST_F(MarketOrderTest, ActionsInEveryOrder) { TellInEveryOrder(Actions()); }
TEST_F(MarketOrderTest, EventsInEveryOrder) { TellInEveryOrder(Events()); }
TEST_F(MarketOrderTest, BothFamiliesInEveryOrder) { TellInEveryOrder(Mixed()); }
TEST_F(MarketOrderTest, SubscriptionsThatAreOneInEveryOrder) { TellInEveryOrder(Joined(), true); }

TEST_F(MarketOrderTest, EverythingAtOnceInAnyOrderWithRepetitions) {
  Story story = Actions();
  const Story more[] = {Events(), Mixed(), Joined()};
  for (const Story& other : more) story.insert(story.end(), other.begin(), other.end());
  std::vector<std::size_t> all(story.size());
  std::iota(all.begin(), all.end(), 0);
  const std::string wanted = Telling(World(), 0, story).InOrder(all);
  EXPECT_THAT(wanted, ::testing::HasSubstr("canceled revoked"));
  std::mt19937 chance(1);
  for (int number = 1; number <= 400 / kFew && !HasFailure(); ++number) {
    std::vector<std::size_t> order = all;
    for (std::size_t i = 0; i < all.size() / 2; ++i) order.push_back(chance() % all.size());
    std::shuffle(order.begin(), order.end(), chance);
    Tell(story, number, order, wanted, true);
  }
}

}  // namespace
}  // namespace dunlin::testing
