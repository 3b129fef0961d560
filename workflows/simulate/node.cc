#include "workflows/simulate/node.h"

#include <algorithm>
#include <utility>

#include "state/check.h"
#include "workflows/apply.h"
#include "workflows/effects/catch_up.h"

namespace dunlin::simulate {

// What is gone when the process is.
struct Node::Process {
  Process(const NodeParts& parts, const Node& node, const MachineClock& clock, std::uint64_t start)
      : ledger(parts.ledger, parts.world, node, "simulated", parts.told),
        apply_queue(parts.world),
        outside_queue(parts.world),
        message_queue(parts.world),
        chance(parts.seed + start, parts.name),
        door(parts.open_door(ledger, clock)),
        provider(parts.open_provider()) {
    ledger.OnNewJobs([this](const std::vector<JobRef>& jobs) { hints.insert(hints.end(), jobs.begin(), jobs.end()); });
  }

  UnreliableLedger ledger;
  UnreliableQueue apply_queue;
  UnreliableQueue outside_queue;
  UnreliableQueue message_queue;
  Chance chance;
  std::unique_ptr<Door> door;
  std::unique_ptr<ProviderApi> provider;
  std::optional<PolicyBook> policies;
  std::optional<Engine> engine;
  std::optional<Feeder> feeder;
  std::vector<JobRef> hints;
  Timestamp scanned_at{};
  Timestamp rest_until{};
};

Node::Node(NodeParts parts) : parts_(std::move(parts)), clock_(parts_.world) {}
Node::~Node() = default;

bool Node::Start() {
  DUNLIN_CHECK(depth_ == 0);
  dead_ = false;
  process_ = std::make_unique<Process>(parts_, *this, clock_, ++starts_);
  bool opened = false;
  Guard([&] { opened = Open(); });
  if (!opened) process_.reset();
  parts_.world.Note(parts_.name + (opened ? " starts" : " cannot start"));
  return opened;
}

bool Node::Open() {
  Process& p = *process_;
  Result<Policy> policy = ParsePolicy(parts_.policy, "simulated");
  DUNLIN_CHECK(policy.has_value());
  Result<PolicyBook> book = PolicyBook::Open(p.ledger, std::move(*policy), parts_.policy);
  if (!book) return false;
  p.policies.emplace(std::move(*book));
  p.engine.emplace(Engine{.ledger = p.ledger,
                          .provider = *p.provider,
                          .marketplace = parts_.marketplace,
                          .clock = clock_,
                          .random = p.chance,
                          .policies = *p.policies,
                          .outbox = parts_.outbox,
                          .observer = parts_.observer,
                          .read = parts_.read,
                          .ingest = [&p](std::string_view body) { return p.door->Take(body); },
                          .facts_kept = kFactsKept,
                          .catch_up_every = parts_.catch_up_every});
  p.feeder.emplace(*p.engine, LaneQueues{p.apply_queue, p.outside_queue, p.message_queue}, [](Lane) {});
  return RequestCatchUp(p.ledger, clock_.Now()).has_value();
}

void Node::Stop() {
  DUNLIN_CHECK(depth_ == 0);
  parts_.world.Note(parts_.name + " stops");
  process_.reset();
}

// A crash unwinds everything of this process that is on the stack, and with it whatever runs inside of that.
void Node::Guard(const std::function<void()>& act) {
  ++depth_;
  try {
    act();
    --depth_;
  } catch (const Crash& crash) {
    --depth_;
    dead_ = died_ = true;
    if (crash.node->depth_ > 0) throw;
  }
}

std::optional<Timestamp> Node::NextWake() {
  if (!up() || !process_->engine) return std::nullopt;
  Process& p = *process_;
  if (!p.hints.empty()) return parts_.world.now;
  std::optional<Timestamp> wake;
  const auto sooner = [&](Timestamp t) { wake = wake ? std::min(*wake, t) : t; };
  for (UnreliableQueue* queue : {&p.apply_queue, &p.outside_queue, &p.message_queue}) {
    if (const auto due = queue->NextDue(); due && *due) sooner(std::max(WorldTime(**due), p.rest_until));
  }
  // A scan that finds nothing due is left out.
  constexpr Timestamp kEver = Timestamp{std::chrono::sys_days{std::chrono::year{9000} / 1 / 1}};
  const Result<std::vector<JobRef>> next = parts_.ledger.DueJobs(kEver, 1);
  DUNLIN_CHECK(next.has_value());
  for (const JobRef& job : *next) sooner(std::max(WorldTime(job.due), p.scanned_at + kFeedEvery));
  return wake;
}

void Node::Step() {
  Guard([this] {
    Process& p = *process_;
    if (!p.hints.empty()) {
      p.feeder->Offer(std::exchange(p.hints, {}));
    } else if (parts_.world.now >= p.scanned_at + kFeedEvery) {
      p.scanned_at = parts_.world.now;
      p.feeder->Scan();
    }
    bool acted = false;
    for (const Lane lane : kLanes) acted = RunLane(lane) || acted;
    // What is claimed in vain is there again soon.
    if (!acted) p.rest_until = parts_.world.now + kFeedEvery;
  });
}

bool Node::RunLane(Lane lane) {
  Process& p = *process_;
  const std::vector<JobId> ids = p.feeder->Claim(lane);
  if (ids.empty()) return false;
  if (lane == Lane::kApply) {
    Applier(*p.engine).Run(ids);
  } else {
    Effects(*p.engine).Run(ids.front());
  }
  const std::vector<JobRef> again = p.feeder->End(ids);
  p.hints.insert(p.hints.end(), again.begin(), again.end());
  return true;
}

int Node::Deliver(const std::string& signature, const std::string& body) {
  int status = 0;
  Guard([&] { status = process_->door->Deliver(signature, body); });
  return status;
}

void Node::Do(const std::function<void(Ledger&, const PolicyBook&, Timestamp now)>& act) {
  if (!up() || !process_->policies) return;
  Guard([&] { act(process_->ledger, *process_->policies, clock_.Now()); });
}

}  // namespace dunlin::simulate
