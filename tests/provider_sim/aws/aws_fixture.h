// A simulator whose AWS side posts to a receiver, and the calls that most of its tests begin with.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/provider_sim/receiver.h"
#include "tests/provider_sim/sim_fixture.h"

namespace dunlin::sim {

inline constexpr char kProduct[] = "prod123";
inline constexpr char kSubscriptionTopic[] =
    "arn:aws:sns:us-east-1:111111111111:aws-mp-subscription-notification-prod123";
inline constexpr char kEntitlementTopic[] =
    "arn:aws:sns:us-east-1:111111111111:aws-mp-entitlement-notification-prod123";

class AwsFixture : public SimFixture {
 protected:
  void SetUp() override;
  void TearDown() override { sim_.reset(); }  // before the receivers: its connections end

  // POST /_sim/aws/<name>, which has to be answered 200.
  Json Aws(const std::string& name, const Json& body);
  Json Truth() { return Read("/_sim/aws/truth"); }
  Json AgreementTruth(const std::string& id);
  Json Usage() { return Read("/_sim/aws/usage"); }

  // "requests" is metered, "seats" an entitlement if it is a contract. The topics are confirmed.
  void MakeProduct(bool contract = false, const Json& more = Json::object());
  // Accepted and active. `more` overrides what POST /_sim/aws/subscribe gets.
  Json Subscribed(const std::string& integration, const Json& more = Json::object());

  // One operation, signed by libcurl as a client would do it. `secret` "": the right one.
  Reply Call(const std::string& operation, const Json& request, const std::string& secret = "");
  // In the order in which they were published, from the simulator's own list.
  std::vector<std::string> Sent();
  // The inner messages that came through SNS, in the order of their arrival.
  std::vector<Json> Inner();
  // Lets simulated time go on, step by step, until `count` have come; an answer may still be on its way to the sender.
  bool Arrive(Receiver& receiver, std::size_t count, const std::string& step);
  bool Quiet() { return Control("/_sim/quiesce", Json::object()).body["quiet"]; }

  Receiver sns_, events_;
};

}  // namespace dunlin::sim
