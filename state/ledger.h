// The ledger: the only truth. Events as they came, subscriptions, jobs, the timeline, charge attempts.
//
// One contract for every database (tests/contract/ledger_contract_test.cc runs against each). SQLite is the default,
// embedded; PostgreSQL can be added behind the same contract.
//
// Everything that must happen later is a job, a row of `jobs`; everything that happened is an event or a timeline row.
// All writes go through Commit: a Unit is all or nothing, and durable on return, power cuts included.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "state/keeping.h"
#include "state/ledger_market.h"
#include "state/result.h"
#include "state/subscription.h"
#include "state/usage.h"

namespace dunlin {

// ---- Events ------------------------------------------------------------------------------------------------------

// What became of an event. An event is never deleted by what it is.
enum class EventOutcome : std::uint8_t {
  kWaiting,     // accepted; its job has not run yet
  kApplied,     // it changed what we know
  kNoChange,    // what it says was known already, or is superseded by something newer; `detail` says by what
  kKept,        // a type we do not act on, or the other mode: kept and left alone
  kUnreadable,  // it could not be read; a person must look
};
std::string_view EventOutcomeName(EventOutcome outcome);
std::optional<EventOutcome> ParseEventOutcome(std::string_view name);

struct NewEvent {
  Provider provider = Provider::kStripe;
  EventId id;
  std::string type;
  Timestamp created{};      // the provider's
  Timestamp received_at{};  // ours
  bool livemode = false;
  std::string object;        // the id of what it is about; may be empty
  std::string subscription;  // the subscription it belongs to, where the envelope tells; may be empty
  std::string body;          // the raw bytes as they were signed
  // kWaiting: an apply job is made with it. kKept: no job (the other mode).
  EventOutcome outcome = EventOutcome::kWaiting;
  std::string detail;
};

// `body` is empty where it was dropped.
struct StoredEvent : NewEvent {
  std::int64_t seq = 0;  // order of arrival
  std::optional<Timestamp> applied_at;
};

// ---- Jobs --------------------------------------------------------------------------------------------------------

enum class JobKind : std::uint8_t {
  kApply,        // apply an event
  kCharge,       // make, or find out about, a charge attempt
  kTakeOver,     // tell the provider to stop collecting an invoice
  kCancel,       // cancel a subscription at the provider
  kRefetch,      // ask the provider how an object stands
  kFetchEvent,   // fetch the object that a thin event is about
  kCatchUp,      // list the provider's recent events
  kAccessCheck,  // the end of a grace or paid period has come
  kPeriodCheck,  // the period has ended and no renewal was heard of: ask
  kMail,         // a message to the customer
  kNotify,       // tell the product
  kAlert,        // tell support
  // AWS Marketplace.
  kEntitlements,      // ask what a buyer is entitled to
  kEntitlementSweep,  // make such questions for every subscription, every few hours
  kConfirmTopic,      // confirm the subscription to an SNS topic
  kFreezeUsage,       // freeze the hours that are over, and make their kMeter jobs
  kMeter,             // send frozen usage
  kRetention,         // drop what was kept long enough
  kErase,             // erase again what came of an erased account
};
std::string_view JobKindName(JobKind kind);
std::optional<JobKind> ParseJobKind(std::string_view name);

// Jobs of one lane never wait for those of another: the first touch only the ledger, the second wait for the provider,
// which may hang, and the third tell people and the product.
enum class Lane : std::uint8_t { kApply, kOutside, kMessages };
inline constexpr Lane kLanes[] = {Lane::kApply, Lane::kOutside, Lane::kMessages};
constexpr Lane LaneOf(JobKind kind) {
  if (kind == JobKind::kApply || kind == JobKind::kAccessCheck) return Lane::kApply;
  const bool message = kind == JobKind::kMail || kind == JobKind::kNotify || kind == JobKind::kAlert;
  return message ? Lane::kMessages : Lane::kOutside;
}

// What to do when a job with the same key is there already. (Jobs whose state is dead are woken by any of them.)
enum class OnSameKey : std::uint8_t {
  kKeep,  // leave it as it is
  // It gets this due time and payload. A message is a new job instead, with an id of its own, so that one that is
  // being delivered ends without the other.
  kReplace,
};

struct NewJob {
  JobKind kind = JobKind::kApply;
  std::string key;      // at most one job with it exists at a time; empty: no such limit
  std::string subject;  // the subscription, for staff; may be empty
  Timestamp due{};
  std::string payload;  // JSON; its shape belongs to the kind
  OnSameKey on_same_key = OnSameKey::kKeep;
  Timestamp created_at{};      // left out, `due` stands in
  std::int64_t event_seq = 0;  // kApply, and only it: the event to apply (again)
};

enum class JobState : std::uint8_t { kReady, kDead };

struct Job {
  JobId id{};
  JobKind kind = JobKind::kApply;
  std::string key;
  std::string subject;
  Timestamp created_at{};
  Timestamp due{};
  JobState state = JobState::kReady;
  int tries = 0;  // how many failed
  std::optional<Timestamp> first_failed_at;
  std::string last_error;  // for staff; no secrets
  std::string payload;
  std::int64_t event_seq = 0;  // kApply only
};

struct JobRef {
  JobId id{};
  Timestamp due{};
  Lane lane = Lane::kApply;
};

// A job that failed and will be tried again, or is dead. A dead one that is made ready again begins anew.
struct JobRetry {
  JobId id{};
  Timestamp due{};
  JobState state = JobState::kReady;
  bool count_try = true;  // false: moved, not failed; its failures so far are forgotten
  std::string error;
  Timestamp at{};  // when it failed; left out, `due` stands in
};

// ---- The rest ----------------------------------------------------------------------------------------------------

// Our own account id for a provider's customer id (client_reference_id, metadata `account`). Many to many.
struct Alias {
  std::string alias;
  AccountId account;
};

// Which subscription an invoice belongs to and which payment pays it: how a decline finds its invoice when the payment
// does not name it. Writing one that is there already changes nothing.
struct PaymentLink {
  std::string payment_intent;  // empty: only the invoice's subscription is told
  InvoiceId invoice;
  SubscriptionId subscription;  // empty: not known yet
};

struct Alert {
  std::string key;   // one alert for it while it is open; raising it again changes nothing
  std::string kind;  // "two_owners", "dead_job", "unknown_plan", "payment_after_end", …
  std::string subject;
  std::string detail;
  Timestamp raised_at{};
  std::string message;  // what support is told: a newly raised alert gets a kAlert job with this payload; empty: none
};

struct EventResult {
  std::int64_t seq = 0;
  EventOutcome outcome = EventOutcome::kApplied;
  std::string detail;        // kNoChange: what superseded it
  std::string subscription;  // where it was filed; may be empty
  Timestamp at{};
};

// In the body of an ApiReply: where the number of the unit's first new job goes when it is written.
inline constexpr std::string_view kJobInReply = "{job}";

// The answer to a POST that carried an Idempotency-Key, kept so that its repetition gets the same one.
struct ApiReply {
  std::string key;  // scoped by the caller: "retry/<token>/<header>"
  std::string request_hash;
  int status = 0;
  std::string body;  // may hold kJobInReply once
  Timestamp at{};
};

enum class Role : std::uint8_t { kProduct, kViewer, kSupport, kAdmin };
std::string_view RoleName(Role role);
std::optional<Role> ParseRole(std::string_view name);

struct Token {
  std::string id;    // shown in lists; not the secret
  std::string hash;  // SHA-256 of the secret, hex. The secret itself is kept nowhere
  Role role = Role::kViewer;
  std::string name;
  Timestamp created_at{};
  std::optional<Timestamp> expires_at;
  std::optional<Timestamp> revoked_at;
};

// One change of the ledger: all of it or nothing. What makes room is done first: jobs are done and dropped before new
// ones are made, attempts closed before others open, alerts settled before others are raised.
struct Unit {
  std::vector<NewEvent> accept;    // already stored: kDuplicate, no error, no second job
  std::vector<JobId> done;         // deleted; one that is gone makes the unit fail with kConflict
  std::vector<MarketMove> moves;   // in this order
  std::vector<Subscription> save;  // the stored version must equal `version` (0: no row yet), else kConflict
  std::vector<EventResult> events;
  std::vector<Attempt> open_attempts;      // inserted; a second open attempt of a subscription is kConflict
  std::vector<Attempt> close_attempts;     // updated by key, only while open, else kConflict
  std::vector<Attempt> annotate_attempts;  // decline, detail and ask_first of an attempt, open or closed
  std::vector<TimelineRow> timeline;
  std::vector<NewJob> jobs;
  std::vector<std::string> drop_jobs;  // by key; one that is not there is no error
  std::vector<JobRetry> retries;       // a job that is gone makes the unit fail with kConflict
  std::vector<Alias> aliases;
  std::vector<PaymentLink> links;
  std::vector<Alert> alerts;
  std::vector<std::string> settle_alerts;  // by key: what it was about is over
  std::vector<ApiReply> replies;           // an existing key makes the unit fail with kConflict
  std::vector<Token> tokens;               // inserted, or updated by id
  // AWS Marketplace (state/ledger_market.h).
  std::vector<MarketLink> market_links;  // kConflict when the id belongs to another subscription, and one of them binds
  std::vector<MarketOrphan> orphans;
  std::vector<RegistrationCode> registrations;  // an existing code makes the unit fail with kConflict
  std::vector<RegistrationClaim> claims;
  std::optional<BodyDrop> drop_bodies;
  std::optional<Expiry> expire;
  // Takes out what the rows about this account and its subscriptions tell of a person: aliases, messages that wait, the
  // text of alerts and attempts, what staff wrote. Facts and bodies are not touched by it.
  std::optional<AccountId> erase;
  // Usage (state/usage.h), in this order.
  std::vector<UsageBooking> usage;
  std::vector<UsageShift> usage_shifts;
  std::vector<UsageHour> freeze;  // an open hour as it is frozen, or (id 0) a new one; kConflict when it has changed
  std::vector<UsageResult> usage_results;
};

struct UnitResult {
  std::vector<bool> stored;      // for each of `accept`: false is a duplicate
  std::vector<JobRef> new_jobs;  // made or moved, for the queue; in the order: accept's, then jobs', then retries'
  Dropped dropped;
};

// A subscription with what deciding about it needs.
struct SubscriptionRecord {
  Subscription subscription;
  std::vector<Attempt> attempts;  // oldest first
};

struct Work {
  Job job;
  std::optional<StoredEvent> event;  // kApply
};

struct Page {
  std::size_t limit = 50;  // at most 1,000
  std::string cursor;      // what the page before returned; empty: from the start
};
template <class T>
struct Listing {
  std::vector<T> items;
  std::string next;  // cursor of the next page; empty: this was the last
};

struct SubscriptionFilter {
  std::optional<Provider> provider;
  std::optional<SubscriptionStatus> status;
  std::optional<AccountId> account;
};
struct EventFilter {
  std::string subscription, type;
  std::optional<EventOutcome> outcome;
};
struct JobFilter {
  std::optional<JobKind> kind;
  std::optional<JobState> state;
  std::string subject;
};

struct Backlog {
  std::int64_t waiting = 0;    // jobs that are due
  std::int64_t scheduled = 0;  // jobs that are not due yet
  std::int64_t dead = 0;
  std::optional<Timestamp> oldest_due;  // of those that are due
};

// Thread-safe. Every call may fail with kUnavailable (busy, full, failing disk) and kCorrupt; others are named.
class Ledger {
 public:
  virtual ~Ledger() = default;

  // Blocks until the commit that holds the unit is durable. Units of many threads share one commit.
  // Errors: kConflict (read again and decide again), kUnavailable (nothing was written), kInvalidArgument (a value
  // breaks a rule of the schema: a bug of the caller's).
  virtual Result<UnitResult> Commit(Unit unit) = 0;
  // The same for several independent units, which share commits; one's failure does not touch the others.
  virtual std::vector<Result<UnitResult>> CommitAll(std::vector<Unit> units) = 0;
  // Commit without waiting: `done` is called once, with what Commit would have returned, when that is durable; on the
  // committing thread, and before the hint below. It must not block, throw or commit. The destructor calls those that
  // are still owed. Units that are waited for and those that are not share commits.
  using CommitDone = std::function<void(Result<UnitResult>)>;
  virtual void CommitThen(Unit unit, CommitDone done) = 0;

  // Called after each commit, on the committing thread, with the jobs it made or moved. Must not block. On return the
  // hint before is not under way and will not be called again. Not to be called by a hint.
  using JobHint = std::function<void(const std::vector<JobRef>&)>;
  virtual void OnNewJobs(JobHint hint) = 0;

  // Random at creation: tells this ledger's idempotency keys from another's with the same provider account.
  virtual const std::string& instance() const = 0;

  // -- work
  // Ready ones, by due time; at most `limit` of each lane, so that neither's backlog hides the other's.
  virtual Result<std::vector<JobRef>> DueJobs(Timestamp until, std::size_t limit) = 0;
  // In the order asked; those that are gone or dead are left out.
  virtual Result<std::vector<Work>> LoadWork(std::span<const JobId> ids) = 0;
  virtual Result<std::optional<SubscriptionRecord>> LoadSubscription(const SubscriptionId& id) = 0;
  virtual Result<std::vector<SubscriptionId>> SubscriptionsOf(const AccountId& account) = 0;
  virtual Result<std::optional<Attempt>> FindAttempt(const AttemptKey& key) = 0;
  virtual Result<std::optional<Attempt>> FindAttemptOfJob(JobId job) = 0;  // the newest
  virtual Result<std::optional<PaymentLink>> FindPayment(std::string_view payment_intent) = 0;
  virtual Result<std::optional<SubscriptionId>> SubscriptionOfInvoice(const InvoiceId& invoice) = 0;
  virtual Result<std::optional<Timestamp>> NewestEvent(Provider provider) = 0;  // by the provider's `created`

  // -- AWS Marketplace
  // Of these ids, the links there are.
  virtual Result<std::vector<MarketLink>> FindMarketLinks(std::span<const std::string> keys) = 0;
  virtual Result<std::optional<RegistrationCode>> FindRegistration(std::string_view code_hash) = 0;
  // Events that wait for their registration and were received before that moment, oldest first, without their bodies.
  virtual Result<std::vector<StoredEvent>> Orphans(Timestamp received_before, std::size_t limit) = 0;

  // -- usage
  // Those of a subscription that are open, and those whose hour is not before `since`; by hour and dimension.
  virtual Result<std::vector<UsageHour>> UsageOf(const SubscriptionId& id, Timestamp since) = 0;
  virtual Result<std::vector<UsageHour>> FrozenUsage(std::string_view batch) = 0;
  virtual Result<std::optional<BookedUsage>> FindUsage(const AccountId& account, std::string_view key) = 0;
  virtual Result<UsageTotals> TotalUsage(const SubscriptionId& id) = 0;
  virtual Result<UsageBacklog> CountUsageBacklog() = 0;
  // Newest hour first. A cursor (UsageCursor) names an hour, whichever subscription's.
  virtual Result<Listing<UsageHour>> UsageHours(const SubscriptionId& id, const Page& page) = 0;

  // -- for people and the product
  // By customer id or alias; may be none.
  virtual Result<std::vector<AccountId>> ResolveAccount(std::string_view any_id) = 0;
  virtual Result<Listing<Subscription>> Subscriptions(const SubscriptionFilter& filter, const Page& page) = 0;
  virtual Result<std::vector<TimelineRow>> Timeline(const SubscriptionId& id) = 0;               // oldest first
  virtual Result<Listing<StoredEvent>> Events(const EventFilter& filter, const Page& page) = 0;  // newest first
  virtual Result<std::optional<StoredEvent>> FindEvent(Provider provider, const EventId& id) = 0;
  virtual Result<Listing<Job>> Jobs(const JobFilter& filter, const Page& page) = 0;  // by due time
  virtual Result<std::optional<Job>> FindJob(JobId id) = 0;
  virtual Result<Listing<Alert>> Alerts(const Page& page) = 0;  // open ones, newest first
  virtual Result<Backlog> CountBacklog(Timestamp now) = 0;
  virtual Result<std::optional<ApiReply>> FindReply(std::string_view key) = 0;
  virtual Result<std::optional<Token>> FindToken(std::string_view hash) = 0;
  virtual Result<std::vector<Token>> Tokens() = 0;

  // -- policies: the text of every version that was ever in force, for recoveries that are pinned to it (R20)
  // Errors: kConflict when this version was stored with another text.
  virtual Status KeepPolicy(int version, std::string_view text) = 0;
  virtual Result<std::vector<std::pair<int, std::string>>> Policies() = 0;

  // -- care
  virtual Status CheckWritable() = 0;  // for /readyz: a commit would work
};

// `location`: "sqlite:FILE" or "sqlite::memory:". The file is made when missing, its schema migrated when older.
// Errors: kInvalidArgument (a scheme we do not have, such as postgresql://, by name; a schema newer than this
// program), kNotFound (kOpenExisting, and there is none), kCorrupt (not a ledger, or damaged), kUnavailable (no
// permission, disk).
struct LedgerOptions {
  enum class Mode : std::uint8_t { kOpenOrCreate, kOpenExisting } mode = Mode::kOpenOrCreate;
  // One service works on a ledger at a time: held until the ledger is closed or the process ends, whatever ends it.
  // Errors: kConflict, while another holds it. Ledgers opened without it are not affected. Every page of its file is
  // looked at for damage, for ten seconds at most; without it, of files up to 16 MiB.
  bool sole_service = false;
};
Result<std::unique_ptr<Ledger>> OpenLedger(std::string_view location, const LedgerOptions& options = {});

}  // namespace dunlin
