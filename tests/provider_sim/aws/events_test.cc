// EventBridge's family: which events come, in which order, in which shape, and by which way.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/provider_sim/aws/aws_fixture.h"

namespace dunlin::sim {
namespace {

using Words = std::vector<std::string>;

class AwsEventsTest : public AwsFixture {
 protected:
  // The detail of the event of that type about that agreement. Events overtake each other on their way.
  Json Detail(const std::string& type, const Json& agreement) {
    EXPECT_TRUE(Quiet());
    for (const Hook& hook : events_.hooks()) {
      const Json event = hook.json();
      if (event["detail-type"] == type && event["detail"]["agreement"]["id"] == agreement) return event["detail"];
    }
    ADD_FAILURE() << "no " << type << " about " << agreement;
    return {};
  }
};

TEST_F(AwsEventsTest, AnApiDestinationGetsTheEventWithItsSecret) {
  MakeProduct();
  Subscribed("current");
  const std::vector<Hook> hooks = events_.WaitFor(2);
  ASSERT_EQ(hooks.size(), 2U);
  EXPECT_TRUE(sns_.hooks().empty());
  EXPECT_EQ(hooks[0].Header("x-api-key"), "shared-secret");
  EXPECT_EQ(hooks[0].Header("User-Agent"), "Amazon/EventBridge/ApiDestinations");
  EXPECT_EQ(hooks[0].Header("Content-Type"), "application/json; charset=utf-8");
  EXPECT_EQ(hooks[0].Header("Range"), "bytes=0-1048575");
  EXPECT_EQ(hooks[0].Header("Connection"), "close");
  EXPECT_EQ(hooks[0].json()["source"], "aws.agreement-marketplace");
}

TEST_F(AwsEventsTest, ThroughSnsTheMessageIsTheEvent) {
  MakeProduct();
  Aws("settings", {{"events", "both"}});
  EXPECT_EQ(sns_.WaitFor(1).at(0).json()["Type"], "SubscriptionConfirmation");
  Aws("topics", {{"topic", sns_.hooks()[0].json()["TopicArn"]}, {"do", "confirm"}});
  Subscribed("current");
  EXPECT_EQ(sns_.WaitFor(3).size(), 3U);
  ASSERT_EQ(events_.WaitFor(2).size(), 2U);
  std::set<std::string> one, other;
  for (const Json& event : Inner()) one.insert(event["id"]);
  for (const Hook& hook : events_.hooks()) other.insert(hook.json()["id"]);
  EXPECT_EQ(one, other);
}

TEST_F(AwsEventsTest, WhatIsTriedAgainAndWhatIsNot) {
  struct Case {
    int status;
    const char* retry_after;
    bool again;
  };
  MakeProduct();
  std::size_t expected = 0;
  for (const Case& c : {Case{401, "", true},
                        {407, "", true},
                        {409, "", true},
                        {429, "", true},
                        {500, "", true},
                        {429, "-1", false},
                        {400, "", false},
                        {404, "", false},
                        {301, "", false}}) {
    events_.Answer(c.status, c.retry_after);
    Aws("subscribe", {{"product", kProduct}, {"activates_after", "90d"}});
    ASSERT_EQ(events_.WaitFor(++expected).size(), expected);
    events_.Answer(200);
    if (c.again) {
      EXPECT_TRUE(Arrive(events_, ++expected, "10s"));
    } else {
      Advance("1h");
    }
    EXPECT_TRUE(Quiet());
    EXPECT_EQ(events_.hooks().size(), expected) << c.status << " " << c.retry_after;
  }
}

TEST_F(AwsEventsTest, RetryAfterIsWaitedFor) {
  MakeProduct();
  events_.Answer(429, "3600");
  Aws("subscribe", {{"product", kProduct}, {"activates_after", "90d"}});
  events_.WaitFor(1);
  std::this_thread::sleep_for(20ms);  // or else the hour begins later
  events_.Answer(200);
  Advance("50m");
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(events_.hooks().size(), 1U);
  EXPECT_TRUE(Arrive(events_, 2, "5m"));
}

TEST_F(AwsEventsTest, AnAgreementThatEndsGoesThroughItsFinalWindow) {
  MakeProduct();
  const std::string id = Subscribed("current")["agreement"];
  Aws("end", {{"agreement", id}});
  Advance("59m");
  EXPECT_EQ(AgreementTruth(id)["entitled"], true);
  Advance("2m");
  EXPECT_EQ(AgreementTruth(id)["entitled"], false);
  EXPECT_EQ(Sent(), (Words{"Purchase Agreement Created - Proposer", "License Updated - Manufacturer",
                           "Purchase Agreement Ended - Proposer", "License Deprovisioned - Manufacturer"}));
  EXPECT_EQ(Detail("Purchase Agreement Ended - Proposer", id)["agreement"]["status"], "CANCELLED");
  EXPECT_EQ(Control("/_sim/aws/end", {{"agreement", id}}).status, 409);
}

TEST_F(AwsEventsTest, ARenewalComesAsItDoesInRealLife) {
  MakeProduct();
  const Json old = Subscribed("current");
  const Json next = Aws("renew", {{"agreement", old["agreement"]}});
  EXPECT_EQ(Control("/_sim/aws/end", {{"agreement", old["agreement"]}}).status, 409);
  Advance("5m");
  EXPECT_EQ(Sent(), (Words{"Purchase Agreement Created - Proposer", "License Updated - Manufacturer",
                           "Purchase Agreement Created - Proposer", "License Updated - Manufacturer",
                           "Purchase Agreement Ended - Proposer", "License Deprovisioned - Manufacturer"}));
  const Json created = Detail("Purchase Agreement Created - Proposer", next["agreement"]);
  EXPECT_EQ(created["agreement"]["intent"], "RENEW");
  EXPECT_EQ(created["agreement"]["previousAgreementId"], old["agreement"]);
  EXPECT_EQ(Detail("License Updated - Manufacturer", next["agreement"])["license"]["arn"], next["license_arn"]);
  EXPECT_EQ(Detail("Purchase Agreement Ended - Proposer", old["agreement"])["agreement"]["status"], "RENEWED");
  EXPECT_EQ(Detail("License Deprovisioned - Manufacturer", old["agreement"])["license"]["arn"], old["license_arn"]);
  EXPECT_EQ(AgreementTruth(next["agreement"])["root"], old["agreement"]);
  EXPECT_EQ(Truth()["customers"][0]["entitled"], true);
}

TEST_F(AwsEventsTest, AReplacementMayKeepTheLicence) {
  MakeProduct();
  const Json old = Subscribed("current");
  const Json next = Aws("replace", {{"agreement", old["agreement"]}, {"keeps_license", true}});
  EXPECT_EQ(next["license_arn"], old["license_arn"]);
  Advance("5m");
  EXPECT_EQ(Sent().back(), "Purchase Agreement Ended - Proposer");
  EXPECT_EQ(AgreementTruth(old["agreement"])["ended_as"], "REPLACED");
  EXPECT_EQ(AgreementTruth(old["agreement"])["status"], "ended");
  EXPECT_EQ(AgreementTruth(next["agreement"])["entitled"], true);
}

TEST_F(AwsEventsTest, AnAgreementWithAnEndIsAnnouncedAndExpires) {
  MakeProduct();
  const Json agreement = Subscribed("current", {{"ends", "2026-04-10T00:00:00Z"}});
  Advance("90d");
  const std::vector<std::string> sent = Sent();
  EXPECT_EQ(std::count(sent.begin(), sent.end(), "Purchase Agreement Ending - Proposer"), 2);  // 60 and 30 days
  EXPECT_EQ(sent.back(), "License Deprovisioned - Manufacturer");
  EXPECT_EQ(AgreementTruth(agreement["agreement"])["ended_as"], "EXPIRED");
  EXPECT_EQ(AgreementTruth(agreement["agreement"])["until"], "2026-04-10T01:00:00Z");
}

TEST_F(AwsEventsTest, WhoSellsThroughAPartnerIsTheManufacturerOnly) {
  MakeProduct(false, {{"resold", true}});
  const std::string id = Subscribed("current")["agreement"];
  Aws("amend", {{"agreement", id}, {"auto_renew", true}});
  Aws("end", {{"agreement", id}});
  EXPECT_EQ(Sent(), (Words{"Purchase Agreement Created - Manufacturer", "License Updated - Manufacturer",
                           "Purchase Agreement Amended - Manufacturer", "Purchase Agreement Ended - Manufacturer"}));
}

TEST_F(AwsEventsTest, ANoticeOfEachKindCanBeSentAndNoOther) {
  MakeProduct();
  const std::string id = Subscribed("current")["agreement"];
  const Words types = {"Purchase Agreement Advisory Issued - Manufacturer",
                       "Purchase Agreement Advisory Resolved - Manufacturer",
                       "Purchase Agreement Ending - Proposer",
                       "Purchase Agreement Renewal Terms Finalized - Proposer",
                       "Purchase Agreement Renewal Upcoming - Proposer",
                       "Agreement Cancellation Request Pending Approval - Proposer",
                       "Agreement Cancellation Request Approved - Proposer",
                       "Agreement Cancellation Request Rejected - Proposer",
                       "Agreement Cancellation Request Cancelled - Proposer",
                       "Agreement Cancellation Request Validation Failed - Proposer",
                       "Purchase Agreement Billing Adjustment Completed - Proposer",
                       "Purchase Agreement Billing Adjustment Failed - Proposer"};
  for (const std::string& type : types) {
    Aws("notice", {{"agreement", id}, {"detail_type", type}});
    EXPECT_EQ(Sent().back(), type);
  }
  for (const char* wrong :
       {"Purchase Agreement Ending - Manufacturer", "Agreement Cancellation Request - Proposer", ""}) {
    EXPECT_EQ(Control("/_sim/aws/notice", {{"agreement", id}, {"detail_type", wrong}}).status, 400) << wrong;
  }
  const std::string legacy = Subscribed("legacy")["agreement"];
  EXPECT_EQ(Control("/_sim/aws/notice", {{"agreement", legacy}, {"detail_type", types[0]}}).status, 409);
}

TEST_F(AwsEventsTest, TheLicenceCanBeWrittenAsTheDocumentationHasIt) {
  MakeProduct();
  Aws("settings", {{"license_as_documented", true}});
  const Json agreement = Subscribed("current");
  EXPECT_EQ(Detail("License Updated - Manufacturer", agreement["agreement"])["license"]["arn"],
            "aws:license-manager:us-east-1:294406891311:" + std::string(agreement["license"]));
}

// The paths of all members, as "/detail/agreement/id"; without the seller's name, which only one example has.
std::set<std::string> Paths(const Json& json) {
  std::set<std::string> paths;
  const Json flat = json.flatten();
  for (const auto& [path, value] : flat.items()) paths.insert(path);
  paths.erase("/detail/proposer/name");
  return paths;
}

TEST_F(AwsEventsTest, EventsHaveTheMembersOfTheDocumentedExamples) {
  const std::filesystem::path folder =
      std::filesystem::path(DUNLIN_SOURCE_DIR) / "../shared/fixtures/aws-marketplace-eventbridge-docs";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs " << folder;
  MakeProduct();
  const std::string id = Subscribed("current", {{"ends", "2027-01-10T00:00:00Z"}})["agreement"];
  Aws("amend", {{"agreement", id}, {"auto_renew", true}});
  for (const char* type : {"Purchase Agreement Advisory Issued - Manufacturer", "Purchase Agreement Ending - Proposer",
                           "Agreement Cancellation Request Pending Approval - Proposer",
                           "Purchase Agreement Billing Adjustment Completed - Proposer"}) {
    Aws("notice", {{"agreement", id}, {"detail_type", type}});
  }
  const std::string next = Aws("renew", {{"agreement", id}})["agreement"];
  Advance("5m");
  Aws("end", {{"agreement", next}});
  EXPECT_TRUE(Quiet());
  std::map<std::string, std::set<std::string>> ours, examples;  // by detail-type: all paths that any of them has
  for (const Hook& hook : events_.hooks()) ours[hook.json()["detail-type"]].merge(Paths(hook.json()));
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path());
    const Json example = Json::parse(file);
    examples[example["detail-type"]].merge(Paths(example));
  }
  int compared = 0;
  for (const auto& [type, paths] : ours) {
    ASSERT_TRUE(examples.contains(type)) << type;
    ++compared;
    EXPECT_EQ(paths, examples[type]) << type;
  }
  EXPECT_EQ(compared, 9);
}

}  // namespace
}  // namespace dunlin::sim
