// A payment that fails, is charged by the service and recovers, on a disk whose first call fails, whose second, whose
// third … until a run meets no failure any more. After the failure the power goes: what was not flushed is gone. Nobody
// is charged twice, what was answered 200 is there, and all comes right.
#include <gtest/gtest.h>

#include <filesystem>
#include <list>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "app/no_marketplace.h"
#include "app/simulate/delivery.h"
#include "app/simulate/setting.h"
#include "fixtures/provider_sim/truth.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/instrumented.h"
#include "tests/support/scratch.h"
#include "workflows/providers/read_event.h"
#include "workflows/providers/stripe/api.h"
#include "workflows/simulate/truth.h"

namespace dunlin::simulate {
namespace {

using namespace std::chrono_literals;
using Fault = testing::FaultyVfs::Fault;

constexpr Timestamp kBegin = FromUnixSeconds(1'790'000'000);
constexpr Timestamp kRenewal = kBegin + Millis{24h};
constexpr Timestamp kEnd = kRenewal + Millis{6h};
constexpr int kRunsMax = 2000;
constexpr int kStride = testing::kInstrumented ? 16 : 1;  // of the calls, one in this many
constexpr int kStepsMax = 20'000;

FaultSet NoFaults() {
  FaultSet off;
  off.set();
  return off;
}

class Mails final : public Outbox {
 public:
  Status Deliver(JobId job, std::string_view message) override {
    const nlohmann::json content = nlohmann::json::parse(message);
    if (content.at("kind") == "mail") by_template[content.at("template")].insert(job);
    return {};
  }
  std::map<std::string, std::set<JobId>> by_template;
};

// One customer, one process, and a card that is declined once, at the renewal.
class Story {
 public:
  explicit Story(testing::FaultyVfs& disk)
      : disk_(disk),
        world_(1, NoFaults(), false, kBegin),
        answered_(*unused_, world_, {}),
        deliverer_(world_, agenda_, answered_, [this] { return node_ && node_->up() ? node_.get() : nullptr; }),
        stripe_(world_, 1, [this](const sim::Event& event, bool thin) { deliverer_.Tell(event, thin); }),
        catalog_(MakeCatalog(stripe_, "day")),
        customers_(world_, stripe_, catalog_) {
    world_.pass = [this](Millis time) { world_.now += time; };
    setting_.owner = "service";
    setting_.schedule = R"(["1h", "2h"])";
    setting_.exhausted = "cancel";
    setting_.catch_up_every = Millis{24h};
    Open();
    customers_.Act({kBegin, 0, ActionKind::kSubscribe, 1});
    RunUntil(kRenewal);
    stripe_.model().methods.rows().back().next = {
        {.answer = sim::CardAnswer::kDecline, .decline_code = "insufficient_funds"}};
  }

  // From the renewal on the disk fails once, at its nth call.
  void FailAt(int nth, Fault fault) {
    disk_.FailFrom(nth, fault, false);
    loses_power_ = true;
    RunUntil(kEnd);
  }
  bool was_clean() const { return !crashed_; }

  std::vector<std::string> Broken() {
    const nlohmann::json charges = sim::ChargesJson(stripe_.model());
    std::vector<std::string> broken = DoubleCaptures(charges);
    const auto add = [&](const std::vector<std::string>& more) {
      broken.insert(broken.end(), more.begin(), more.end());
    };
    add(BrokenCharges(*ledger_, charges, {.min_gap = Millis{1h}, .card_limit = 15, .card_window = Millis{24h} * 30}));
    const nlohmann::json truth = sim::TruthJson(stripe_.model());
    add(DifferencesFromTruth(*ledger_, truth, world_.now));
    add(BrokenInvariants(*ledger_, truth, 2));
    return broken;
  }
  int ChargesOfOurs() {
    int ours = 0;
    for (const sim::Charge& charge : stripe_.model().charges.rows()) ours += charge.idempotency_key.empty() ? 0 : 1;
    return ours;
  }
  Mails mails;

 private:
  void Open() {
    ledger_ = std::move(*OpenLedger("sqlite:" + folders_.emplace_back().File("ledger.db")));
    Begin();
  }
  void Begin() {
    node_ = std::make_unique<Node>(NodeParts{.world = world_,
                                             .ledger = *ledger_,
                                             .name = "process",
                                             .policy = PolicyText(setting_, catalog_, 1),
                                             .seed = 1,
                                             .catch_up_every = setting_.catch_up_every,
                                             .read = &ReadEvent,
                                             .open_door = OpenStripeDoor,
                                             .open_provider = [this]() -> std::unique_ptr<ProviderApi> {
                                               return std::move(
                                                   *StripeApi::Open({.base_url = kStripeUrl, .api_key = kStripeKey},
                                                                    std::make_unique<UnreliableWire>(world_, stripe_)));
                                             },
                                             .marketplace = marketplace_,
                                             .outbox = mails,
                                             .observer = observer_,
                                             .told = [](const Committed&) {}});
    ASSERT_TRUE(node_->Start());
  }

  // The power goes: a new process finds what was flushed.
  void Crash() {
    const testing::ScratchDir& before = folders_.back();
    const testing::ScratchDir& after = folders_.emplace_back();
    disk_.CopyFlushed(FolderOf(before), FolderOf(after));
    disk_.Heal();
    node_.reset();
    ledger_.reset();
    auto reopened = OpenLedger("sqlite:" + after.File("ledger.db"), {LedgerOptions::Mode::kOpenExisting});
    ASSERT_TRUE(reopened) << reopened.error().detail;
    ledger_ = std::move(*reopened);
    ExpectAnswered();
    Begin();
  }
  // Before a catch-up brings back whatever is missing (I1).
  void ExpectAnswered() {
    for (const EventId& event : answered_.acknowledged()) {
      const auto stored = ledger_->FindEvent(Provider::kStripe, event);
      EXPECT_TRUE(stored && *stored) << event.str() << " was answered 200 and is lost";
    }
  }
  static std::string FolderOf(const testing::ScratchDir& dir) {
    return std::filesystem::path(dir.File("x")).parent_path();
  }

  void RunUntil(Timestamp until) {
    for (int step = 0; step < kStepsMax; ++step) {
      if (loses_power_ && !crashed_ && disk_.failed()) {
        crashed_ = true;
        Crash();
      }
      const Timestamp timer = stripe_.NextTimer().value_or(Timestamp::max());
      const Timestamp planned = agenda_.Next().value_or(Timestamp::max());
      const Timestamp wake = node_->NextWake().value_or(Timestamp::max());
      const Timestamp next = std::min({timer, planned, wake});
      if (next > until) {
        world_.now = std::max(world_.now, until);
        return;
      }
      world_.now = std::max(world_.now, next);
      if (next == timer) {
        stripe_.RunTimer();
      } else if (next == planned) {
        agenda_.RunNext();
      } else {
        world_.now += Millis{1};
        node_->Step();
      }
    }
    FAIL() << "it gets nowhere";
  }

  testing::FaultyVfs& disk_;
  std::list<testing::ScratchDir> folders_;
  const std::unique_ptr<Ledger> unused_ = std::move(*OpenLedger("sqlite::memory:"));
  World world_;
  Oracles answered_;  // not asked: keeps what was answered 200
  Agenda agenda_;
  Deliverer deliverer_;
  SimulatedStripe stripe_;
  const Catalog catalog_;
  Customers customers_;
  Setting setting_;
  NoMarketplace marketplace_;
  Observer observer_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Node> node_;
  bool loses_power_ = false;
  bool crashed_ = false;
};

class ChargeDiskTest : public ::testing::TestWithParam<Fault> {};

INSTANTIATE_TEST_SUITE_P(Each, ChargeDiskTest, ::testing::Values(Fault::kIo, Fault::kFull),
                         [](const auto& fault) { return fault.param == Fault::kIo ? "Io" : "Full"; });

TEST_P(ChargeDiskTest, ACallThatFailsWhicheverItIsChargesNobodyTwice) {
  ASSERT_TRUE(OpenLedger("sqlite::memory:"));  // SQLite is set up before it gets another disk
  testing::FaultyVfs disk;
  const int stride = GetParam() == Fault::kIo ? kStride : 4 * kStride;
  int runs = 0;
  for (bool clean = false; !clean && runs < kRunsMax; ++runs) {
    const int nth = 1 + runs * stride;
    SCOPED_TRACE("call " + std::to_string(nth));
    Story story(disk);
    story.FailAt(nth, GetParam());
    clean = story.was_clean();
    for (const std::string& line : story.Broken()) ADD_FAILURE() << line;
    EXPECT_EQ(story.ChargesOfOurs(), 1);
    EXPECT_EQ(story.mails.by_template["payment_failed"].size(), 1U);
    EXPECT_EQ(story.mails.by_template["payment_recovered"].size(), 1U);
    if (HasFailure()) return;
  }
  EXPECT_GT(runs, 10);
  EXPECT_LT(runs, kRunsMax) << "no run was clean";
}

}  // namespace
}  // namespace dunlin::simulate
