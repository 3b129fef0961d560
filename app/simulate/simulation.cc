#include "app/simulate/simulation.h"

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/no_marketplace.h"
#include "app/simulate/customers.h"
#include "app/simulate/delivery.h"
#include "app/simulate/judge.h"
#include "app/simulate/machines.h"
#include "app/simulate/setting.h"
#include "app/simulate/stripe.h"
#include "state/check.h"
#include "workflows/providers/read_event.h"
#include "workflows/providers/stripe/api.h"
#include "workflows/retry_request.h"

namespace dunlin::simulate {
namespace {

constexpr Timestamp kBegin = FromUnixSeconds(1'790'000'000);
constexpr Millis kTellsLate = Millis{24h} * 2;  // a payment that settles fails a day after it was made
constexpr int kDepthMax = 3;                    // of what happens inside of what happens
constexpr std::size_t kStepsMax = 500'000;      // more is a loop that gets nowhere
// After the last fault: by then the provider has resent, or given up, what it had to tell.
constexpr Millis kQuiet = Millis{24h} * 4;
constexpr Millis kSettleEvery{1min};
constexpr int kSettleMax = 12 * 60;  // then everything must have drained

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options),
        world_(options.seed, options.off, options.keep_trace, kBegin),
        setting_(ChooseSetting(options.seed)),
        ledger_(std::move(*OpenLedger("sqlite::memory:"))),
        between_(options.between ? options.between(*ledger_) : nullptr),
        oracles_(*ledger_, world_,
                 {setting_.schedule_steps, setting_.grace, {kStripeKey, kWebhookSecret}, "@customers.simulated"}),
        deliverer_(world_, agenda_, oracles_, [this] { return machines_.AnyUp(); }),
        stripe_(world_, options.seed, [this](const sim::Event& e, bool thin) { deliverer_.Tell(e, thin); }),
        catalog_(MakeCatalog(stripe_, setting_.interval)),
        customers_(world_, stripe_, catalog_),
        outbox_(world_, oracles_),
        observer_(oracles_),
        machines_(world_, agenda_, [this](int version) { return MakeNode(version); }) {
    world_.pass = [this](Millis time) { Pass(time); };
    if (!setting_.all_types) stripe_.TellLess();
    stripe_.model().settings.thin_events = setting_.thin_events;
    stripe_.model().settings.exhausted = setting_.provider_exhausted;
  }

  SimulationResult Run();

 private:
  std::unique_ptr<Node> MakeNode(int version);
  void PlanActions();
  void Act(std::size_t number, const Action& action);
  void AskForRetry(const Action& action);

  void Pass(Millis time);
  void RunUntil(Timestamp until);
  bool RunNext(Timestamp until);
  bool Settled();
  void Drain();

  const SimulationOptions options_;
  World world_;
  const Setting setting_;
  const std::unique_ptr<Ledger> ledger_;
  const std::unique_ptr<Ledger> between_;
  Oracles oracles_;
  Agenda agenda_;
  Deliverer deliverer_;
  SimulatedStripe stripe_;
  const Catalog catalog_;
  Customers customers_;
  NoMarketplace marketplace_;  // what is simulated is the card side
  WatchedOutbox outbox_;
  WatchedProblems observer_;
  Machines machines_;
  std::size_t actions_ = 0;
  std::size_t steps_ = 0;
  int depth_ = 0;
};

std::unique_ptr<Node> Simulation::MakeNode(int version) {
  return std::make_unique<Node>(
      NodeParts{.world = world_,
                .ledger = between_ ? *between_ : *ledger_,
                .name = "process-" + std::to_string(version),
                .policy = PolicyText(setting_, catalog_, version),
                .seed = options_.seed,
                .catch_up_every = setting_.catch_up_every,
                .read = &ReadEvent,
                .open_door = OpenStripeDoor,
                .open_provider = [this]() -> std::unique_ptr<ProviderApi> {
                  auto api = StripeApi::Open({.base_url = kStripeUrl, .api_key = kStripeKey},
                                             std::make_unique<UnreliableWire>(world_, stripe_));
                  DUNLIN_CHECK(api.has_value());
                  return std::move(*api);
                },
                .marketplace = marketplace_,
                .outbox = outbox_,
                .observer = observer_,
                .told = [this](const Committed& committed) { oracles_.OnCommitted(committed); }});
}

// ---- What people do ----------------------------------------------------------------------------------------------

void Simulation::PlanActions() {
  const std::vector<Action> actions = simulate::PlanActions(options_.seed, world_.faults, kBegin + Millis{1min},
                                                            kBegin + setting_.length, setting_.period);
  actions_ = actions.size();
  for (std::size_t i = 0; i < actions.size(); ++i) {
    if (options_.left_out.contains(i)) continue;
    agenda_.Add(actions[i].at, [this, i, action = actions[i]] { Act(i, action); });
  }
}

void Simulation::Act(std::size_t number, const Action& action) {
  world_.Note("action " + std::to_string(number) + ": customer " + std::to_string(action.customer) + " " +
              std::string(ActionName(action.kind)));
  if (action.kind == ActionKind::kStaffRetry) return AskForRetry(action);
  customers_.Act(action);
}

void Simulation::AskForRetry(const Action& action) {
  Node* node = machines_.AnyUp();
  const std::string id = customers_.SubscriptionOf(action.customer);
  if (node == nullptr || id.empty()) return;
  node->Do([&](Ledger& ledger, const PolicyBook& policies, Timestamp now) {
    // Whether it is granted is the service's to decide; a ledger in trouble says so to staff.
    static_cast<void>(dunlin::AskForRetry(ledger, policies, SubscriptionId{id}, "staff", "simulated", now));
  });
}

// ---- Time --------------------------------------------------------------------------------------------------------

void Simulation::Pass(Millis time) {
  const Timestamp until = world_.now + time;
  if (depth_ < kDepthMax) RunUntil(until);
  world_.now = std::max(world_.now, until);
}

void Simulation::RunUntil(Timestamp until) {
  ++depth_;
  // A process that dies unwinds through here.
  struct Leave {
    int& depth;
    ~Leave() { --depth; }
  } leave{depth_};
  while (oracles_.broken().empty() && RunNext(until)) {
    if (++steps_ > kStepsMax) oracles_.Break("it gets nowhere: too many steps");
    machines_.BringBack();
    oracles_.AfterStep();  // inside of slow calls and overlaps too: between two commits all holds
  }
}

bool Simulation::RunNext(Timestamp until) {
  const Timestamp timer = stripe_.NextTimer().value_or(Timestamp::max());
  const Timestamp planned = agenda_.Next().value_or(Timestamp::max());
  const Timestamp wake = machines_.NextWake().value_or(Timestamp::max());
  const Timestamp next = std::min({timer, planned, wake});
  if (next > until) return false;
  world_.now = std::max(world_.now, next);
  if (next == timer) {
    stripe_.RunTimer();
  } else if (next == planned) {
    agenda_.RunNext();
  } else {
    world_.now += Millis{1};
    machines_.StepNext();
  }
  return true;
}

// Nothing is on its way and nothing is due, but for the next look at the provider's list.
bool Simulation::Settled() {
  if (deliverer_.pending() > 0) return false;
  const Result<std::vector<JobRef>> due = ledger_->DueJobs(world_.now, 100);
  return due.has_value() && due->empty();
}

void Simulation::Drain() {
  world_.faults.Stop();
  machines_.EndFaults();
  world_.Note("faults end");
  RunUntil(world_.now + kQuiet);
  for (int i = 0; i < kSettleMax && oracles_.broken().empty() && !Settled(); ++i) RunUntil(world_.now + kSettleEvery);
  if (oracles_.broken().empty() && !Settled()) oracles_.Break("it does not drain: work is left that nobody does (I7)");
}

SimulationResult Simulation::Run() {
  machines_.Plan(kBegin, setting_.length);
  PlanActions();
  RunUntil(kBegin + setting_.length);
  world_.now = std::max(world_.now, kBegin + setting_.length);
  if (oracles_.broken().empty()) Drain();
  if (oracles_.broken().empty()) {
    oracles_.AtEnd();
    JudgeEnd({oracles_, *ledger_, stripe_.model(), customers_.cancelled(), customers_.stayed(), world_.now,
              setting_.grace, setting_.card_limit, setting_.catch_up_every + kTellsLate,
              world_.faults.AtWork()[static_cast<std::size_t>(Fault::kClockJump)]});
  }
  return {.broken = oracles_.broken(),
          .fingerprint = world_.trace.fingerprint(),
          .simulated = world_.now - kBegin,
          .steps = steps_,
          .actions = actions_,
          .faults = world_.faults.AtWork(),
          .struck = world_.faults.struck(),
          .trace = world_.trace.lines()};
}

}  // namespace

SimulationResult Simulate(const SimulationOptions& options) { return Simulation(options).Run(); }

}  // namespace dunlin::simulate
