#include "tests/app/api/api_fixture.h"

#include <algorithm>

#include "app/tokens.h"
#include "state/merge.h"

namespace dunlin {
namespace {

constexpr std::string_view kPolicy = R"(version = 3
[plan.pro]
rank = 2
price = { amount = 4000, currency = "usd", per = "month" }
stripe_prices = ["price_pro"]
collection = "ours"
[plan.plus]
rank = 3
price = { amount = 9000, currency = "usd", per = "month" }
stripe_prices = ["price_plus"]
[plan.grace]
rank = 1
price = { amount = 1000, currency = "usd", per = "month" }
stripe_prices = ["price_grace"]
collection = "patient"
[collection.ours]
owner = "service"
retry_after = ["1d"]
jitter = "0%"
network_limit = { attempts = 2, per = "30d" }
[collection.patient]
owner = "service"
retry_after = ["3d", "3d"]
jitter = "0%"
grace = "2d"
)";

SubscriptionSnapshot SnapshotOf(const std::string& plan, const std::string& account, Timestamp at,
                                ProviderStatus status) {
  SubscriptionSnapshot s = build::Snapshot("evt_s" + std::to_string(ToUnixSeconds(at)), at, status);
  s.customer = AccountId{account};
  s.prices = {"price_" + plan};
  return s;
}

}  // namespace

ApiTest::ApiTest() {
  clock_.Set(Day(0));
  auto opened = OpenLedger("sqlite::memory:");
  EXPECT_TRUE(opened) << opened.error().detail;
  base_ = std::move(*opened);
  ledger_.emplace(*base_);
  Result<Policy> policy = ParsePolicy(kPolicy, "policy.toml");
  EXPECT_TRUE(policy) << policy.error().detail;
  Result<PolicyBook> book = PolicyBook::Open(*ledger_, std::move(*policy), kPolicy);
  EXPECT_TRUE(book) << book.error().detail;
  policies_.emplace(std::move(*book));
  HttpServer::Options options;
  options.threads = 8;
  server_ = std::make_unique<HttpServer>(std::move(options));
  AddApiRoutes(*server_, {*ledger_, *policies_, clock_});
  AddOperationRoutes(*server_, *ledger_, clock_, metrics_, [this] { return degraded_.load(); });
  const Result<int> port = server_->Listen();
  EXPECT_TRUE(port) << port.error().detail;
  port_ = *port;
  server_->Start();
}

ApiTest::~ApiTest() { server_->Stop(Millis{2000}); }

void ApiTest::CommitUnit(Unit unit) {
  const Result<UnitResult> done = base_->Commit(std::move(unit));
  ASSERT_TRUE(done) << done.error().detail;
}

Subscription ApiTest::Load(const std::string& id) {
  const auto record = base_->LoadSubscription(SubscriptionId{id});
  EXPECT_TRUE(record && *record) << id;
  return (*record)->subscription;
}

void ApiTest::Put(const Given& given) {
  SubscriptionRecord record;
  auto stored = base_->LoadSubscription(SubscriptionId{given.id});
  ASSERT_TRUE(stored) << stored.error().detail;
  if (*stored) record = std::move(**stored);
  record.subscription.id = SubscriptionId{given.id};
  record.subscription.account = AccountId{given.account};
  Facts facts = record.subscription.facts;
  for (const SubscriptionSnapshot& s : given.facts.snapshots) Merge(facts, s);
  for (const InvoiceFact& i : given.facts.invoices) Merge(facts, i);
  if (!given.facts.method.source.empty()) Merge(facts, given.facts.method);
  Unit unit;
  for (const InvoiceFact& i : given.facts.invoices) unit.links.push_back({"", i.id, SubscriptionId{given.id}});
  AddTo(unit, Decide({.before = record, .facts = facts, .now = clock_.Now(), .event = given.event}, *policies_));
  CommitUnit(std::move(unit));
}

void ApiTest::Active(const std::string& id, const std::string& plan, const std::string& account) {
  InvoiceFact paid = build::Invoice("evt_p_" + id, Day(-30), InvoiceStatus::kPaid, "in_0_" + id);
  paid.line_period_end = Day(0);
  Put({.id = id,
       .facts = build::Together(SnapshotOf(plan, account, Day(-30), ProviderStatus::kActive), paid),
       .account = account,
       .event = "evt_first"});
}

void ApiTest::PastDue(const std::string& id, const std::string& plan, const std::string& account,
                      const std::function<void(InvoiceFact&)>& change) {
  Active(id, plan, account);
  clock_.Set(Day(0, 10));
  InvoiceFact failed = build::Failed("evt_f_" + id, Day(0, 1), "in_1_" + id);
  failed.decline = Decline{.code = "insufficient_funds"};
  failed.decline_at = Day(0, 1);
  if (change) change(failed);
  Put({.id = id,
       .facts = build::Together(SnapshotOf(plan, account, Day(0, 2), ProviderStatus::kPastDue), failed),
       .account = account,
       .event = "evt_f_" + id});
}

AttemptKey ApiTest::Begin(const std::string& id, Trigger trigger, JobId job) {
  const auto record = base_->LoadSubscription(SubscriptionId{id});
  Decision decision = Decide({.before = **record,
                              .facts = (*record)->subscription.facts,
                              .trigger = trigger,
                              .now = clock_.Now(),
                              .by = trigger == Trigger::kStaffRetry ? "kim" : "",
                              .reason = trigger == Trigger::kStaffRetry ? "asked on the phone" : "",
                              .job = job,
                              .instance = base_->instance()},
                             *policies_);
  EXPECT_EQ(decision.open_attempts.size(), 1u) << "no attempt begins";
  if (decision.open_attempts.empty()) return {};
  const AttemptKey key = decision.open_attempts.front().key;
  Unit unit;
  AddTo(unit, std::move(decision));
  CommitUnit(std::move(unit));
  return key;
}

void ApiTest::End(const std::string& id, const AttemptKey& key, AttemptState state) {
  auto record = base_->LoadSubscription(SubscriptionId{id});
  Unit unit;
  for (Attempt& a : (*record)->attempts) {
    if (a.key != key) continue;
    a.state = state;
    a.finished_at = clock_.Now();
    a.decline.code = state == AttemptState::kDeclined ? "insufficient_funds" : "";
    unit.close_attempts.push_back(a);
    unit.done.push_back(a.job);
  }
  const Facts facts = (*record)->subscription.facts;
  AddTo(unit, Decide({.before = **record, .facts = facts, .now = clock_.Now(), .event = "evt_answer"}, *policies_));
  CommitUnit(std::move(unit));
}

void ApiTest::CancelGoesOut(const std::string& id) {
  const auto record = base_->LoadSubscription(SubscriptionId{id});
  Unit unit;
  AddTo(unit, Decide({.before = **record,
                      .facts = (*record)->subscription.facts,
                      .trigger = Trigger::kEndDue,
                      .now = clock_.Now(),
                      .cancel_key = AttemptKey{"dunlin-cancel"}},
                     *policies_));
  CommitUnit(std::move(unit));
}

JobId ApiTest::JobWithKey(const std::string& key) {
  const auto jobs = base_->Jobs({}, {.limit = 1000});
  for (const Job& job : jobs->items) {
    if (job.key == key) return job.id;
  }
  ADD_FAILURE() << "no job " << key;
  return JobId{};
}

std::string ApiTest::TokenOf(Role role) {
  std::string& token = tokens_[role];
  if (token.empty()) {
    const Result<std::string> made = CreateToken(*base_, role, "kim-" + std::string(RoleName(role)), {}, clock_.Now());
    EXPECT_TRUE(made) << made.error().detail;
    token = *made;
  }
  return token;
}

HttpAnswer ApiTest::Send(const std::string& method, const std::string& target, const testing_support::Headers& headers,
                         const std::string& body) {
  return testing_support::HttpSend(port_, method, target, headers, body);
}

HttpAnswer ApiTest::Get(const std::string& target, Role role) {
  return Send("GET", target, {{"Authorization", "Bearer " + TokenOf(role)}});
}

HttpAnswer ApiTest::PostRetry(const std::string& id, const std::string& body, const testing_support::Headers& more,
                              Role role) {
  testing_support::Headers headers = {{"Authorization", "Bearer " + TokenOf(role)}};
  headers.insert(headers.end(), more.begin(), more.end());
  return Send("POST", "/v1/subscriptions/" + id + "/retry", headers, body);
}

json ApiTest::GetJson(const std::string& target, Role role) {
  const HttpAnswer answer = Get(target, role);
  EXPECT_EQ(answer.status, 200) << answer.body;
  return json::parse(answer.body, nullptr, false);
}

std::string ApiTest::Detail(const HttpAnswer& answer, int status) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.Header("Content-Type"), "application/problem+json");
  const json problem = json::parse(answer.body, nullptr, false);
  EXPECT_TRUE(problem.is_object()) << answer.body;
  if (!problem.is_object()) return "";
  EXPECT_EQ(problem["status"], status);
  return problem.value("detail", "");
}

}  // namespace dunlin
