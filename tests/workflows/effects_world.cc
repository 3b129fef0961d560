#include "tests/workflows/effects_world.h"

#include <gtest/gtest.h>

namespace dunlin::testing {

World::World(const CollectionPolicy& policy, const std::string& location)
    : base(std::move(*OpenLedger(location))),
      ledger(*base),
      policies(PolicyOf(policy)),
      engine{.ledger = ledger,
             .provider = provider,
             .marketplace = marketplace,
             .clock = clock,
             .random = random,
             .policies = policies,
             .outbox = outbox,
             .observer = observer,
             .read = [this](Provider, std::string_view body) { return digests.Read(body); },
             .ingest = [this](std::string_view body) -> Status {
               const Result<Digest> digest = digests.Read(body);
               if (!digest) return tl::unexpected(digest.error());
               Store(*digest);
               return {};
             }} {}

void World::Store(const Digest& digest) {
  digests.Add(digest);
  NewEvent event = MakeEvent(digest.event.str(), digest.event.str());
  if (digest.market || digest.topic) event.provider = Provider::kAwsMarketplace;
  event.created = digest.created;
  event.received_at = clock.Now();
  ASSERT_TRUE(base->Commit(Accept(event)));
}

void World::Hear(Digest digest) {
  Store(digest);
  std::vector<JobId> ids;
  const std::vector<JobRef> due = *base->DueJobs(clock.Now(), 1000);
  for (const JobRef& job : due) {
    if (job.lane == Lane::kApply) ids.push_back(job.id);
  }
  Applier(engine).Run(ids);
}

int World::RunDue(bool messages) {
  int ran = 0;
  const std::vector<JobRef> due = *base->DueJobs(clock.Now(), 1000);
  for (const JobRef& ref : due) {
    const auto job = *base->FindJob(ref.id);
    if (!job) continue;
    const bool message = job->kind == JobKind::kMail || job->kind == JobKind::kNotify || job->kind == JobKind::kAlert;
    if (message && !messages) continue;
    if (ref.lane == Lane::kApply) {
      Applier(engine).Run(std::span(&ref.id, 1));
    } else {
      Effects(engine).Run(ref.id);
    }
    ++ran;
  }
  return ran;
}

void World::RunUntil(Timestamp until) {
  for (int round = 0; round < 2000; ++round) {
    RunDue(true);
    const auto next = *base->DueJobs(until, 1);
    if (next.empty()) break;
    clock.Set(std::max(clock.Now() + Millis{1}, next.front().due));
  }
  clock.Set(std::max(clock.Now(), until));
}

std::optional<Job> World::FindJob(const std::string& key) {
  const auto jobs = *base->Jobs({}, {.limit = 1000});
  for (const Job& job : jobs.items) {
    if (job.key == key) return job;
  }
  return std::nullopt;
}

void World::Run(const std::string& key) {
  const std::optional<Job> job = FindJob(key);
  ASSERT_TRUE(job) << "no job " << key;
  clock.Set(std::max(clock.Now(), job->due));
  Effects(engine).Run(job->id);
}

SubscriptionRecord World::Record(const std::string& id) {
  const auto record = *base->LoadSubscription(SubscriptionId{id});
  return record ? *record : SubscriptionRecord{};
}

std::vector<std::string> World::OpenAlerts() {
  std::vector<std::string> keys;
  const Listing<Alert> alerts = *base->Alerts({});
  for (const Alert& alert : alerts.items) keys.push_back(alert.key);
  return keys;
}

std::vector<std::string> World::Reasons(const std::string& kind) {
  std::vector<std::string> reasons;
  const auto timeline = base->Timeline(SubscriptionId{"sub_1"});
  for (const TimelineRow& row : *timeline) {
    if (row.kind == kind) reasons.push_back(row.reason);
  }
  return reasons;
}

void World::ShowOwed() {
  provider.Shows(Answer(Invoice("", kNoon)), "in_1");
  provider.Shows(Standing(ProviderStatus::kPastDue), "sub_1");
}

void World::ReachDue() {
  Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
  Hear(FailureDigest("evt_f", kNoon));
  Hear(SnapshotDigest("evt_p", kNoon, ProviderStatus::kPastDue));
  provider.WillTakeOver(Answer(Invoice("", kNoon)));
  ShowOwed();
  Run("take_over/in_1");
  ASSERT_EQ(recovery().state, RecoveryState::kWaiting);
  clock.Set(*recovery().next_attempt_at);
}

Digest FailureDigest(std::string id, Timestamp at, std::string key, int count) {
  Digest digest;
  digest.event = EventId{id};
  digest.type = "invoice.payment_failed";
  digest.created = at;
  digest.idempotency_key = key;
  digest.subscription = SubscriptionId{"sub_1"};
  digest.account = AccountId{"cus_1"};
  digest.invoice = FailedInvoice(id, at, key, count);
  digest.invoice->auto_advance = key.empty();
  digest.acted_on = true;
  return digest;
}

Digest ThinDigest(std::string id, Timestamp at, std::string kind, std::string object) {
  Digest digest;
  digest.event = EventId{std::move(id)};
  digest.created = at;
  digest.ask = {std::move(kind), std::move(object)};
  digest.acted_on = true;
  return digest;
}

Digest PaidDigest(std::string id, Timestamp at, std::string key) {
  Digest digest = FailureDigest(id, at, key);
  digest.type = "invoice.paid";
  digest.invoice = Invoice(id, at, InvoiceStatus::kPaid);
  return digest;
}

Digest SnapshotDigest(std::string id, Timestamp at, ProviderStatus status) {
  Digest digest;
  digest.event = EventId{id};
  digest.type = "customer.subscription.updated";
  digest.created = at;
  digest.subscription = SubscriptionId{"sub_1"};
  digest.account = AccountId{"cus_1"};
  digest.snapshot = Snapshot(id, at, status);
  digest.acted_on = true;
  return digest;
}

Digest MethodDigest(std::string id, Timestamp at) {
  Digest digest;
  digest.event = EventId{id};
  digest.type = "customer.updated";
  digest.created = at;
  digest.account = AccountId{"cus_1"};
  digest.method = MethodChange{at, digest.event};
  digest.acted_on = true;
  return digest;
}

SubscriptionAnswer Standing(ProviderStatus status) {
  return {.snapshot = Snapshot("", kNoon, status),
          .id = SubscriptionId{"sub_1"},
          .account = AccountId{"cus_1"},
          .aliases = {},
          .latest_invoice = {}};
}

InvoiceAnswer Answer(InvoiceFact invoice) {
  return {.invoice = std::move(invoice),
          .subscription = SubscriptionId{"sub_1"},
          .account = AccountId{"cus_1"},
          .payment_intents = {}};
}

PayAnswer Paid() {
  return {.outcome = PayOutcome::kPaid, .invoice = Invoice("", kNoon, InvoiceStatus::kPaid), .detail = "paid"};
}
PayAnswer Declined(const char* code) {
  return {
      .outcome = PayOutcome::kDeclined, .decline = {.code = code}, .invoice = Invoice("", kNoon), .detail = "declined"};
}

}  // namespace dunlin::testing
