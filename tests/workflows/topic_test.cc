// Topics of Amazon SNS: confirmed once for each time that they ask, and never taken back by ourselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workflows/market_world.h"

namespace dunlin::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kArn = "arn:aws:sns:us-east-1:1:topic";

Digest Confirmation(const std::string& id, bool asks) {
  Digest digest;
  digest.event = EventId{id};
  digest.created = kNoon;
  digest.acted_on = true;
  digest.topic = TopicNews{asks, kArn};
  return digest;
}

struct TopicTest : ::testing::Test {
  TopicTest() {
    world.engine.confirm_topic = [this](std::string_view body) {
      asked.emplace_back(body);
      return answer;
    };
  }
  void Confirm() { world.Run(std::string("confirm_topic/") + kArn); }

  MarketWorld world;
  Result<std::string> answer = std::string(kArn) + ":s-1";
  std::vector<std::string> asked;
};

TEST_F(TopicTest, ATopicThatAsksIsConfirmedOnce) {
  world.Hear(Confirmation("m-1", true));
  EXPECT_THAT(asked, IsEmpty());
  Confirm();
  world.RunUntil(kNoon + 24h);
  EXPECT_THAT(asked, ElementsAre("m-1"));  // the world's bodies are the events' ids
  EXPECT_THAT(world.base->Jobs({}, {}).value().items, IsEmpty());
  const StoredEvent event = world.base->FindEvent(Provider::kAwsMarketplace, EventId{"m-1"}).value().value();
  EXPECT_EQ(event.outcome, EventOutcome::kApplied);
  EXPECT_THAT(event.detail, HasSubstr("s-1"));
}

TEST_F(TopicTest, SnsThatDoesNotAnswerIsAskedAgain) {
  world.Hear(Confirmation("m-1", true));
  answer = Fail(Errc::kUnavailable, "no answer");
  Confirm();
  answer = std::string(kArn) + ":s-1";
  world.RunUntil(kNoon + 1min);
  EXPECT_THAT(asked, SizeIs(2));
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

TEST_F(TopicTest, AConfirmationThatCannotBeIsToldUntilAnotherOneWorks) {
  world.Hear(Confirmation("m-1", true));
  answer = Fail(Errc::kInvalidArgument, "the token has expired");
  Confirm();
  EXPECT_THAT(world.OpenAlerts(), ElementsAre(std::string("topic_not_confirmed/") + kArn));
  EXPECT_FALSE(world.FindJob(std::string("confirm_topic/") + kArn));
  answer = std::string(kArn) + ":s-2";
  world.Hear(Confirmation("m-2", true));
  Confirm();
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

TEST_F(TopicTest, ATopicThatIsLostIsToldAndNothingIsAsked) {
  world.Hear(Confirmation("m-1", false));
  world.RunUntil(kNoon + 24h);
  EXPECT_THAT(asked, IsEmpty());
  EXPECT_THAT(world.OpenAlerts(), ElementsAre(std::string("topic_unsubscribed/") + kArn));
  world.Hear(Confirmation("m-2", true));
  Confirm();
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

// SNS did not answer yet, and meanwhile somebody has taken the topic away.
TEST_F(TopicTest, ATopicThatIsLostIsNotConfirmedBelatedly) {
  world.Hear(Confirmation("m-1", true));
  answer = Fail(Errc::kUnavailable, "no answer");
  Confirm();
  ASSERT_TRUE(world.FindJob(std::string("confirm_topic/") + kArn));
  world.Hear(Confirmation("m-2", false));
  EXPECT_FALSE(world.FindJob(std::string("confirm_topic/") + kArn));
  world.RunUntil(kNoon + 24h);
  EXPECT_THAT(asked, SizeIs(1));
  EXPECT_THAT(world.OpenAlerts(), ElementsAre(std::string("topic_unsubscribed/") + kArn));
}

}  // namespace
}  // namespace dunlin::testing
