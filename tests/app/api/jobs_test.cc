#include "tests/app/api/api_fixture.h"

namespace dunlin {
namespace {

using JobsTest = ApiTest;

TEST_F(JobsTest, ARetryGoesFromWaitingToDone) {
  PastDue();
  const json asked = json::parse(PostRetry("sub_1", R"({"reason":"asked on the phone"})").body);
  const std::string path = "/v1/jobs/" + asked["job"].get<std::string>();
  json job = GetJson(path);
  EXPECT_EQ(job["id"], asked["job"]);
  EXPECT_EQ(job["kind"], "charge");
  EXPECT_EQ(job["state"], "waiting");
  EXPECT_EQ(job["outcome"], nullptr);
  EXPECT_EQ(job["attempt"], nullptr);

  const AttemptKey key = Begin("sub_1", Trigger::kStaffRetry, JobWithKey("retry/sub_1"));
  job = GetJson(path);
  EXPECT_EQ(job["state"], "running");
  EXPECT_EQ(job["outcome"], nullptr);
  EXPECT_EQ(job["attempt"]["state"], "sending");
  EXPECT_EQ(job["attempt"]["key"], key.str());
  EXPECT_EQ(job["attempt"]["invoice"], "in_1_sub_1");
  EXPECT_EQ(job["attempt"]["by"], "kim");

  End("sub_1", key, AttemptState::kDeclined);
  job = GetJson(path);
  EXPECT_EQ(job["state"], "done");
  EXPECT_EQ(job["kind"], "charge");
  EXPECT_EQ(job["outcome"], "declined");
  EXPECT_EQ(job["attempt"]["decline_code"], "insufficient_funds");
  EXPECT_EQ(job["attempt"]["kind"], "staff");
  EXPECT_EQ(job["attempt"]["step"], nullptr) << "R19: it uses up none";
}

TEST_F(JobsTest, AnAttemptWhoseJobIsGoneStillRuns) {
  PastDue();
  clock_.Set(Day(1, 20));
  const JobId job = JobWithKey("charge/sub_1");
  Begin("sub_1", Trigger::kDue, job);
  Unit unit;
  unit.done.push_back(job);
  CommitUnit(std::move(unit));
  const json view = GetJson("/v1/jobs/" + std::to_string(ToInt(job)));
  EXPECT_EQ(view["state"], "running");
  EXPECT_EQ(view["outcome"], nullptr);
}

TEST_F(JobsTest, AnyKindIsShownWithWhyItFailed) {
  Unit add;
  add.jobs.push_back(
      {.kind = JobKind::kRefetch, .key = "refetch/sub_1", .subject = "sub_1", .due = Day(0), .payload = "{}"});
  CommitUnit(std::move(add));
  const JobId id = JobWithKey("refetch/sub_1");
  Unit fail;
  fail.retries.push_back({.id = id, .due = Day(1), .state = JobState::kDead, .error = "no answer", .at = Day(1)});
  CommitUnit(std::move(fail));
  const json job = GetJson("/v1/jobs/job_" + std::to_string(ToInt(id)));
  EXPECT_EQ(job["kind"], "refetch");
  EXPECT_EQ(job["state"], "dead");
  EXPECT_EQ(job["tries"], 1);
  EXPECT_EQ(job["last_error"], "no answer");
  EXPECT_EQ(job["subject"], "sub_1");
}

TEST_F(JobsTest, AnIdThatNeverWasIsNotFound) { Detail(Get("/v1/jobs/job_999"), 404); }

TEST_F(JobsTest, AnIdThatIsNoneIsABadRequest) {
  for (const std::string id : {"job_", "job_x", "sub_1", "-1", "0", "job_1x", "99999999999999999999", "%20"}) {
    Detail(Get("/v1/jobs/" + id), 400);
  }
}

}  // namespace
}  // namespace dunlin
