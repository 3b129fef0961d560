#include <future>
#include <set>

#include "app/views.h"
#include "tests/app/api/api_fixture.h"

namespace dunlin {
namespace {

constexpr const char* kAsk = R"({"reason":"the customer called"})";

class RetryTest : public ApiTest {
 protected:
  // The code of the 409 that a retry gets; the sentence must name it in words too.
  std::string Refused(const std::string& id = "sub_1") {
    const HttpAnswer answer = PostRetry(id, kAsk);
    why_ = Detail(answer, 409);
    EXPECT_NE(why_, "");
    return json::parse(answer.body, nullptr, false).value("code", "");
  }
  std::string JobIn(const HttpAnswer& answer) {
    EXPECT_EQ(answer.status, 202) << answer.body;
    return json::parse(answer.body, nullptr, false).value("job", "");
  }
  std::size_t RetryJobs() {
    std::size_t count = 0;
    const auto jobs = base_->Jobs({.kind = JobKind::kCharge}, {});
    for (const Job& job : jobs->items) count += job.key.starts_with("retry/");
    return count;
  }
  std::size_t StaffRows(const std::string& id = "sub_1") {
    std::size_t count = 0;
    const auto timeline = base_->Timeline(SubscriptionId{id});
    for (const TimelineRow& row : *timeline) count += row.kind == "staff";
    return count;
  }

  std::string why_;
};

TEST_F(RetryTest, IsAJobAtOnceWithWhoAndWhy) {
  PastDue();
  const std::string job = JobIn(PostRetry("sub_1", kAsk));
  const JobId id = JobWithKey("retry/sub_1");
  EXPECT_EQ(job, JobName(id));
  const auto stored = base_->FindJob(id);
  EXPECT_EQ((*stored)->due, clock_.Now());
  EXPECT_EQ(json::parse((*stored)->payload), json::parse(R"({"by":"kim-support","reason":"the customer called"})"));
  const std::vector<TimelineRow> timeline = *base_->Timeline(SubscriptionId{"sub_1"});
  EXPECT_EQ(timeline.back().kind, "staff");
  EXPECT_EQ(timeline.back().by, "kim-support");
  EXPECT_EQ(timeline.back().rule, "R19");
  EXPECT_NE(timeline.back().reason.find("the customer called"), std::string::npos);
  const json collection = GetJson("/v1/subscriptions/sub_1")["collection"];
  EXPECT_EQ(collection["next_attempt_at"], "2026-09-22T14:13:21Z") << "the schedule stands (R19)";
}

TEST_F(RetryTest, TheInvoicesIdWillDo) {
  PastDue();
  const std::string job = JobIn(PostRetry("in_1_sub_1", kAsk));
  EXPECT_EQ(job, JobName(JobWithKey("retry/sub_1")));
}

TEST_F(RetryTest, OneThatWaitsAlreadyIsAnsweredWithItsJob) {
  PastDue();
  const std::string first = JobIn(PostRetry("sub_1", kAsk));
  EXPECT_EQ(JobIn(PostRetry("sub_1", R"({"reason":"again"})")), first);
  EXPECT_EQ(JobIn(PostRetry("sub_1", R"({"reason":"again"})", {{"Idempotency-Key", "k2"}})), first);
  EXPECT_EQ(JobIn(PostRetry("sub_1", R"({"reason":"again"})", {{"Idempotency-Key", "k2"}})), first) << "as it was kept";
  EXPECT_EQ(RetryJobs(), 1u);
  EXPECT_EQ(StaffRows(), 1u);
}

TEST_F(RetryTest, OneThatDiedBeginsAnew) {
  PastDue();
  const std::string first = JobIn(PostRetry("sub_1", kAsk));
  Unit unit;
  unit.retries.push_back({.id = JobWithKey("retry/sub_1"),
                          .due = clock_.Now(),
                          .state = JobState::kDead,
                          .error = "away",
                          .at = clock_.Now()});
  CommitUnit(std::move(unit));
  EXPECT_EQ(GetJson("/v1/jobs/" + first)["state"], "dead");
  EXPECT_EQ(JobIn(PostRetry("sub_1", R"({"reason":"it is back"})")), first);
  const auto job = base_->FindJob(JobWithKey("retry/sub_1"));
  EXPECT_EQ((*job)->state, JobState::kReady);
  EXPECT_EQ(json::parse((*job)->payload)["reason"], "it is back");
}

TEST_F(RetryTest, TheSameKeyGetsTheSameAnswer) {
  PastDue();
  const HttpAnswer first = PostRetry("sub_1", kAsk, {{"Idempotency-Key", "k1"}});
  JobIn(first);
  // Also when the retry is under way, and would be refused by now.
  Begin("sub_1", Trigger::kStaffRetry, JobWithKey("retry/sub_1"));
  const HttpAnswer second = PostRetry("sub_1", kAsk, {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(second.status, 202);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(StaffRows(), 1u);
  EXPECT_EQ(Refused(), "already_charging");
}

TEST_F(RetryTest, TheSameKeyForAnotherRequestIsRefused) {
  PastDue();
  PastDue("sub_2");
  JobIn(PostRetry("sub_1", kAsk, {{"Idempotency-Key", "k1"}}));
  Detail(PostRetry("sub_1", R"({"reason":"another"})", {{"Idempotency-Key", "k1"}}), 422);
  Detail(PostRetry("sub_2", kAsk, {{"Idempotency-Key", "k1"}}), 422);
  EXPECT_EQ(RetryJobs(), 1u);
  JobIn(PostRetry("sub_2", kAsk, {{"Idempotency-Key", "k1"}}, Role::kAdmin));  // another caller's keys are its own
}

TEST_F(RetryTest, ARefusalIsNotKept) {
  Active();
  Detail(PostRetry("sub_1", kAsk, {{"Idempotency-Key", "k1"}}), 409);
  PastDue();
  JobIn(PostRetry("sub_1", kAsk, {{"Idempotency-Key", "k1"}}));
}

TEST_F(RetryTest, TheSameRequestAtTheSameMomentIsOneRetry) {
  PastDue();
  TokenOf(Role::kSupport);
  std::vector<std::future<HttpAnswer>> answers;
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(std::launch::async, [&] {
      return PostRetry("sub_1", kAsk, {{"Idempotency-Key", "k1"}});
    }));
  }
  std::set<std::string> jobs;
  for (auto& answer : answers) jobs.insert(JobIn(answer.get()));
  EXPECT_EQ(jobs.size(), 1u);
  EXPECT_EQ(StaffRows(), 1u);
}

TEST_F(RetryTest, AnAnswerLostAfterTheCommitIsFoundByItsKey) {
  PastDue();
  TokenOf(Role::kSupport);
  ledger_->LoseCommit(1, testing::FaultyLedger::Fault::kAfterWrite);
  JobIn(PostRetry("sub_1", kAsk, {{"Idempotency-Key", "k1"}}));
  JobIn(PostRetry("sub_1", kAsk, {{"Idempotency-Key", "k1"}}));
  EXPECT_EQ(StaffRows(), 1u);
}

TEST_F(RetryTest, ALedgerThatCannotCommitIsUnavailable) {
  PastDue();
  TokenOf(Role::kSupport);
  ledger_->LoseCommit(1, testing::FaultyLedger::Fault::kBeforeWrite);
  const HttpAnswer answer = PostRetry("sub_1", kAsk, {{"Idempotency-Key", "k1"}});
  Detail(answer, 503);
  EXPECT_EQ(answer.Header("Retry-After"), "5");
  EXPECT_EQ(RetryJobs(), 0u);
  JobIn(PostRetry("sub_1", kAsk, {{"Idempotency-Key", "k1"}}));
}

TEST_F(RetryTest, NothingToCollect) {
  Active();
  EXPECT_EQ(Refused(), "nothing_to_collect");
  EXPECT_EQ(StaffRows(), 0u);
}

TEST_F(RetryTest, ACanceledSubscriptionIsNotCharged) {
  PastDue();
  SubscriptionSnapshot ended = build::Snapshot("evt_deleted", Day(0, 5), ProviderStatus::kCanceled);
  ended.kind = SubscriptionSnapshot::Kind::kDeleted;
  Put({.facts = build::Together(ended), .event = "evt_deleted"});
  EXPECT_EQ(Refused(), "canceled");
}

TEST_F(RetryTest, OneCancelledForThePeriodsEndIsNotCharged) {
  PastDue();
  SubscriptionSnapshot ending = build::Snapshot("evt_ending", Day(0, 5), ProviderStatus::kPastDue);
  ending.cancel_at_period_end = true;
  Put({.facts = build::Together(ending), .event = "evt_ending"});
  EXPECT_EQ(Refused(), "canceled");
  EXPECT_NE(why_.find("R17"), std::string::npos);
}

TEST_F(RetryTest, AnotherOwnerCollects) {
  PastDue("sub_1", "plus");
  EXPECT_EQ(Refused(), "other_owner");
}

TEST_F(RetryTest, TheInvoiceIsBeingTakenOver) {
  PastDue("sub_1", "pro", "cus_1", [](InvoiceFact& i) { i.auto_advance = true; });
  EXPECT_EQ(Refused(), "taking_over");
}

TEST_F(RetryTest, AnAttemptIsUnderWay) {
  PastDue();
  clock_.Set(Day(1, 20));
  Begin("sub_1", Trigger::kDue, JobWithKey("charge/sub_1"));
  EXPECT_EQ(Refused(), "already_charging");
}

TEST_F(RetryTest, TheScheduleIsSpentAndItEnds) {
  PastDue();
  clock_.Set(Day(1, 20));
  End("sub_1", Begin("sub_1", Trigger::kDue, JobWithKey("charge/sub_1")), AttemptState::kDeclined);
  CancelGoesOut("sub_1");
  EXPECT_EQ(Refused(), "ending");
}

TEST_F(RetryTest, TheNetworksLimitIsReached) {
  PastDue("sub_1", "pro", "cus_1", [](InvoiceFact& i) {
    i.failures.push_back({.at = Day(0, 3), .source = EventId{"evt_f2"}, .attempt_count = 2});
  });
  EXPECT_EQ(Refused(), "network_limit");
}

TEST_F(RetryTest, WithoutAReasonItIsABadRequest) {
  PastDue();
  const std::string long_reason(501, 'x');
  for (const std::string& body :
       {std::string(), std::string("{}"), std::string("[]"), std::string("{"), std::string(R"({"reason":7})"),
        std::string(R"({"reason":""})"), std::string(R"({"reason":" \t\n"})"), std::string("{\"reason\":\"\xff\"}"),
        R"({"reason":")" + long_reason + R"("})"}) {
    EXPECT_NE(Detail(PostRetry("sub_1", body), 400).find("reason"), std::string::npos) << body;
  }
  std::string umlauts;
  for (int i = 0; i < 500; ++i) umlauts += "ü";
  JobIn(PostRetry("sub_1", R"({"reason":")" + umlauts + R"("})"));
}

TEST_F(RetryTest, AnIdempotencyKeyThatIsNoneIsABadRequest) {
  PastDue();
  for (const testing_support::Headers& headers :
       {testing_support::Headers{{"Idempotency-Key", ""}},
        testing_support::Headers{{"Idempotency-Key", std::string(256, 'k')}},
        testing_support::Headers{{"Idempotency-Key", "a"}, {"Idempotency-Key", "b"}}}) {
    EXPECT_TRUE(Detail(PostRetry("sub_1", kAsk, headers), 400).starts_with("Idempotency-Key:"));
  }
  EXPECT_EQ(RetryJobs(), 0u);
}

TEST_F(RetryTest, AnUnknownSubscriptionIsNotFound) { Detail(PostRetry("sub_9", kAsk), 404); }

}  // namespace
}  // namespace dunlin
