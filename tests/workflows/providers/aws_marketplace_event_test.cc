#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "state/licence.h"
#include "workflows/providers/aws_marketplace/read_event.h"

namespace dunlin {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;
using Kind = MarketplaceKind;
using Role = MarketplaceRole;
namespace fs = std::filesystem;

const fs::path kFixtures = fs::path(DUNLIN_SOURCE_DIR) / "fixtures/aws_marketplace";
const fs::path kDocumented = fs::path(DUNLIN_SOURCE_DIR) / "../shared/fixtures";
const EventId kMessage{"5f9ab8e6-message"};
const AgreementId kKestrel{"agmt-6kestrel2w9m4d1x8c7v3b5nq"};
const AgreementId kHeron{"agmt-1heron7t5z2q8r4y6u9i3o0pls"};
const AwsAccountId kBuyer{"210987654321"};
const ProductCode kProduct{"7fj2ql8dunlinseats04kx9pw"};
const OfferId kOffer{"offer-k2s4tr6e8l0oc"};

Timestamp At(std::string_view text) { return *ParseRfc3339(text); }
const Timestamp kSent = At("2026-11-18T12:00:00Z");

std::string Load(const fs::path& file) {
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}
Json Action(const std::string& name) { return Json::parse(Load(kFixtures / "actions" / (name + ".json"))); }
Json Bridged(const std::string& name) { return Json::parse(Load(kFixtures / "eventbridge" / (name + ".json"))); }

MarketplaceEvent ReadMessage(const std::string& message) {
  Result<MarketplaceEvent> event = ReadMarketplaceMessage(message, kMessage, kSent);
  EXPECT_TRUE(event) << event.error().detail;
  return event ? *event : MarketplaceEvent{};
}
MarketplaceEvent ReadBridged(const Json& body) {
  Result<MarketplaceEvent> event = ReadEventBridgeEvent(body.dump());
  EXPECT_TRUE(event) << event.error().detail;
  return event ? *event : MarketplaceEvent{};
}
MarketplaceEvent ReadFixture(const std::string& name) { return ReadBridged(Bridged(name)); }

std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  return files;
}

// ---- Actions -----------------------------------------------------------------------------------------------------

const std::map<std::string, Kind> kActions = {
    {"entitlement-updated", Kind::kEntitlementUpdated}, {"subscribe-fail", Kind::kSubscribeFail},
    {"subscribe-success", Kind::kSubscribeSuccess},     {"unsubscribe-pending", Kind::kUnsubscribePending},
    {"unsubscribe-success", Kind::kUnsubscribeSuccess},
};

TEST(MarketplaceEventTest, EveryActionIsRead) {
  ASSERT_EQ(FilesIn(kFixtures / "actions").size(), kActions.size());
  for (const auto& [name, kind] : kActions) {
    SCOPED_TRACE(name);
    const MarketplaceEvent event = ReadMessage(Action(name).dump());
    EXPECT_EQ(event.family, MarketplaceFamily::kAction);
    EXPECT_EQ(event.kind, kind);
    EXPECT_EQ(event.type, name);
    EXPECT_EQ(event.id, kMessage);
    EXPECT_EQ(event.time, kSent);
    EXPECT_EQ(event.product, kProduct);
    EXPECT_EQ(event.customer, CustomerIdentifier{"kEsTrEl7LgX"});
  }
}

TEST(MarketplaceEventTest, ASubscriptionTellsItsOfferAndWhetherItIsATrial) {
  const MarketplaceEvent success = ReadMessage(Action("subscribe-success").dump());
  EXPECT_EQ(success.offer, kOffer);
  EXPECT_EQ(success.free_trial, true);
  EXPECT_EQ(ReadMessage(Action("subscribe-fail").dump()).free_trial, false);
  const MarketplaceEvent updated = ReadMessage(Action("entitlement-updated").dump());
  EXPECT_TRUE(updated.offer.empty());
  EXPECT_FALSE(updated.free_trial);
  Json as_boolean = Action("subscribe-success");
  as_boolean["isFreeTrialTermPresent"] = false;
  EXPECT_EQ(ReadMessage(as_boolean.dump()).free_trial, false);
  as_boolean["isFreeTrialTermPresent"] = "perhaps";
  EXPECT_FALSE(ReadMessage(as_boolean.dump()).free_trial);
}

TEST(MarketplaceEventTest, SlipsOfTheDocumentationAreForgiven) {
  const MarketplaceEvent event = ReadMessage(
      "{\n\"action\": \"entitlement-updated\",\n\"customer-identifier\": \" kEsTrEl7LgX\",\n"
      "\"product-code\": \"7fj2ql8dunlinseats04kx9pw\" , \n}");
  EXPECT_EQ(event.kind, Kind::kEntitlementUpdated);
  EXPECT_EQ(event.customer, CustomerIdentifier{"kEsTrEl7LgX"});
  const MarketplaceEvent in_text = ReadMessage(R"({"action":"new,}","note":"a \",}",})");
  EXPECT_EQ(in_text.type, "new,}") << "a comma in a text stays";
}

TEST(MarketplaceEventTest, AnUnknownActionIsKept) {
  const MarketplaceEvent event = ReadMessage(R"({"action":"subscribe-later","product-code":"p"})");
  EXPECT_EQ(event.kind, Kind::kUnknown);
  EXPECT_EQ(event.type, "subscribe-later");
  EXPECT_EQ(event.product, ProductCode{"p"});
  EXPECT_EQ(ReadMessage("{}").kind, Kind::kUnknown);
  EXPECT_EQ(ReadMessage(R"({"action":7})").kind, Kind::kUnknown);
}

TEST(MarketplaceEventTest, AnActionCannotDoWithoutItsProductAndBuyer) {
  for (const std::string key : {"product-code", "customer-identifier"}) {
    for (const Json& value : {Json(nullptr), Json(7), Json(" "), Json(std::string(300, 'x'))}) {
      Json message = Action("unsubscribe-pending");
      message[key] = value;
      const Result<MarketplaceEvent> event = ReadMarketplaceMessage(message.dump(), kMessage, kSent);
      ASSERT_FALSE(event) << message;
      EXPECT_EQ(event.error().code, Errc::kInvalidArgument);
      EXPECT_THAT(event.error().detail, HasSubstr("unsubscribe-pending: `" + key + "`"));
    }
  }
}

// ---- EventBridge -------------------------------------------------------------------------------------------------

struct Expected {
  Kind kind;
  Role role = Role::kProposer;
  AgreementId agreement = kKestrel;
};
const std::map<std::string, Expected> kDetailTypes = {
    {"agreement-cancellation-request-approved-proposer", {Kind::kCancellationApproved}},
    {"agreement-cancellation-request-cancelled-proposer", {Kind::kCancellationWithdrawn}},
    {"agreement-cancellation-request-pending-approval-proposer", {Kind::kCancellationPending}},
    {"agreement-cancellation-request-rejected-proposer", {Kind::kCancellationRejected}},
    {"agreement-cancellation-request-validation-failed-proposer", {Kind::kCancellationInvalid}},
    {"license-deprovisioned-manufacturer", {Kind::kLicenceDeprovisioned, Role::kManufacturer}},
    {"license-updated-manufacturer", {Kind::kLicenceUpdated, Role::kManufacturer}},
    {"purchase-agreement-advisory-issued-manufacturer", {Kind::kAdvisoryIssued, Role::kManufacturer}},
    {"purchase-agreement-advisory-resolved-manufacturer", {Kind::kAdvisoryResolved, Role::kManufacturer}},
    {"purchase-agreement-amended-manufacturer", {Kind::kAgreementAmended, Role::kManufacturer, kHeron}},
    {"purchase-agreement-amended-proposer", {Kind::kAgreementAmended}},
    {"purchase-agreement-billing-adjustment-completed-proposer", {Kind::kAdjustmentCompleted}},
    {"purchase-agreement-billing-adjustment-failed-proposer", {Kind::kAdjustmentFailed}},
    {"purchase-agreement-created-manufacturer", {Kind::kAgreementCreated, Role::kManufacturer, kHeron}},
    {"purchase-agreement-created-proposer", {Kind::kAgreementCreated}},
    {"purchase-agreement-ended-manufacturer", {Kind::kAgreementEnded, Role::kManufacturer, kHeron}},
    {"purchase-agreement-ended-proposer", {Kind::kAgreementEnded}},
    {"purchase-agreement-ending-proposer", {Kind::kAgreementEnding}},
    {"purchase-agreement-renewal-terms-finalized-proposer", {Kind::kRenewalTermsFinalized}},
    {"purchase-agreement-renewal-upcoming-proposer", {Kind::kRenewalUpcoming}},
};

TEST(MarketplaceEventTest, EveryDetailTypeIsRead) {
  ASSERT_EQ(FilesIn(kFixtures / "eventbridge").size(), kDetailTypes.size());
  for (const auto& [name, expected] : kDetailTypes) {
    SCOPED_TRACE(name);
    const Json body = Bridged(name);
    const MarketplaceEvent event = ReadBridged(body);
    EXPECT_EQ(event.family, MarketplaceFamily::kEventBridge);
    EXPECT_EQ(event.kind, expected.kind);
    EXPECT_EQ(event.role, expected.role);
    EXPECT_EQ(event.agreement, expected.agreement);
    EXPECT_EQ(event.type, body.at("detail-type"));
    EXPECT_EQ(event.id.str(), body.at("id"));
    EXPECT_EQ(FormatRfc3339(event.time), body.at("time"));
    const bool adjustment = event.adjustment.has_value();
    EXPECT_EQ(event.account.empty(), adjustment) << "only adjustments name no buyer";
    EXPECT_TRUE(event.customer.empty());
  }
}

TEST(MarketplaceEventTest, AnAgreementIsReadWhole) {
  const MarketplaceEvent event = ReadFixture("purchase-agreement-created-proposer");
  EXPECT_EQ(event.intent, AgreementIntent::kReplace);
  EXPECT_EQ(event.agreement_status, AgreementStatus::kActive);
  EXPECT_EQ(event.previous_agreement, AgreementId{"agmt-9kestrel0y7f3h5j1k4g8s2da6"});
  EXPECT_EQ(event.accepted_at, At("2026-10-01T09:12:33Z"));
  EXPECT_EQ(event.starts_at, At("2026-10-01T09:12:33Z"));
  EXPECT_EQ(event.ends_at, At("2027-10-01T09:12:33Z"));
  EXPECT_EQ(event.account, kBuyer);
  EXPECT_EQ(event.offer, kOffer);
  EXPECT_TRUE(event.licence.empty());
  const MarketplaceEvent open_ended = ReadFixture("purchase-agreement-created-manufacturer");
  EXPECT_EQ(open_ended.intent, AgreementIntent::kNew);
  EXPECT_EQ(open_ended.ends_at, At("9999-01-01T00:00:00Z"));
  EXPECT_TRUE(open_ended.previous_agreement.empty());
  EXPECT_EQ(ReadFixture("purchase-agreement-amended-proposer").intent, AgreementIntent::kAmend);
  EXPECT_EQ(ReadFixture("purchase-agreement-ending-proposer").days_before_end, 180);
}

TEST(MarketplaceEventTest, AnAgreementThatIsRenewedOrReplacedGoesOn) {
  const std::vector<std::tuple<std::string, AgreementStatus, bool>> cases = {
      {"CANCELLED", AgreementStatus::kCancelled, false},   {"EXPIRED", AgreementStatus::kExpired, false},
      {"TERMINATED", AgreementStatus::kTerminated, false}, {"RENEWED", AgreementStatus::kRenewed, true},
      {"REPLACED", AgreementStatus::kReplaced, true},      {"SUSPENDED", AgreementStatus::kOther, false}};
  for (const auto& [word, status, continued] : cases) {
    Json body = Bridged("purchase-agreement-ended-proposer");
    body["detail"]["agreement"]["status"] = word;
    const MarketplaceEvent event = ReadBridged(body);
    EXPECT_EQ(event.agreement_status, status) << word;
    EXPECT_EQ(IsContinued(event.agreement_status), continued) << word;
  }
}

TEST(MarketplaceEventTest, ALicenceTellsItsProductAndBuyer) {
  for (const std::string name : {"license-updated-manufacturer", "license-deprovisioned-manufacturer"}) {
    const MarketplaceEvent event = ReadFixture(name);
    EXPECT_EQ(LicenceIdOf(event.licence), LicenceId{"l-4b1d6e0f9a2c4837b5d1e6f70a8c9b2d"});
    EXPECT_EQ(event.product, kProduct);
    EXPECT_EQ(event.account, kBuyer);
  }
}

TEST(MarketplaceEventTest, AdvisoriesRequestsAndAdjustmentsAreRead) {
  EXPECT_EQ(ReadFixture("purchase-agreement-advisory-issued-manufacturer").advisory_issued_at,
            At("2026-11-02T07:00:00Z"));
  EXPECT_EQ(ReadFixture("purchase-agreement-advisory-resolved-manufacturer").advisory_resolved_at,
            At("2026-11-05T16:20:00Z"));
  const MarketplaceEvent asked = ReadFixture("agreement-cancellation-request-pending-approval-proposer");
  EXPECT_EQ(asked.cancellation, (CancellationRequest{"acr-7kestrel4moult", "PENDING_APPROVAL"}));
  EXPECT_EQ(asked.account, kBuyer);
  EXPECT_EQ(asked.offer, kOffer);
  EXPECT_EQ(ReadFixture("purchase-agreement-billing-adjustment-completed-proposer").adjustment,
            (BillingAdjustment{"ba-3kestrel1wing", {-25050, "usd"}}));
}

TEST(MarketplaceEventTest, AnEventBridgeEventMayComeInsideOfAMessage) {
  const Json body = Bridged("license-updated-manufacturer");
  const MarketplaceEvent event = ReadMessage(body.dump());
  EXPECT_EQ(event.family, MarketplaceFamily::kEventBridge);
  EXPECT_EQ(event.kind, Kind::kLicenceUpdated);
  EXPECT_EQ(event.id.str(), body.at("id")) << "the same by both ways";
  EXPECT_EQ(FormatRfc3339(event.time), body.at("time"));
}

TEST(MarketplaceEventTest, UnknownDetailTypesAreKept) {
  for (const std::string type : {"Purchase Agreement Paused - Proposer", "Purchase Agreement Created - Acceptor",
                                 "Purchase Agreement Created", "License Updated - ", "Offer Released", " - Proposer"}) {
    Json body = Bridged("license-updated-manufacturer");
    body["detail-type"] = type;
    const MarketplaceEvent event = ReadBridged(body);
    EXPECT_EQ(event.kind, Kind::kUnknown) << type;
    EXPECT_EQ(event.type, type);
    EXPECT_EQ(event.agreement, kKestrel);
  }
  Json elsewhere = Bridged("license-updated-manufacturer");
  elsewhere["source"] = "aws.marketplacecatalog";
  EXPECT_EQ(ReadBridged(elsewhere).kind, Kind::kUnknown);
  Json bare = Bridged("license-updated-manufacturer");
  bare["detail-type"] = "Offer Released";
  bare.erase("detail");
  EXPECT_EQ(ReadBridged(bare).kind, Kind::kUnknown);
  bare["detail"]["billingAdjustmentRequest"] = {{"adjustmentAmount", "much"}};
  EXPECT_FALSE(ReadBridged(bare).adjustment) << "what it asks for in words of its own is no trouble of ours";
}

TEST(MarketplaceEventTest, WhatAnEventCannotDoWithoutIsNamed) {
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"purchase-agreement-created-proposer", R"({"id":null})", "`id`"},
      {"purchase-agreement-created-proposer", R"({"id":7})", "`id`"},
      {"purchase-agreement-created-proposer", R"({"detail-type":""})", "`detail-type`"},
      {"purchase-agreement-created-proposer", R"({"time":"yesterday"})", "`time`"},
      {"purchase-agreement-created-proposer", R"({"detail":null})", "`detail.agreement.id`"},
      {"purchase-agreement-ended-proposer", R"({"detail":{"agreement":{"id":null}}})", "`detail.agreement.id`"},
      {"license-updated-manufacturer", R"({"detail":{"license":null}})", "`detail.license.arn`"},
      {"purchase-agreement-billing-adjustment-failed-proposer", R"({"detail":{"billingAdjustmentRequest":null}})",
       "billingAdjustmentRequest"},
      {"purchase-agreement-billing-adjustment-failed-proposer",
       R"({"detail":{"billingAdjustmentRequest":{"adjustmentAmount":-100}}})", "billingAdjustmentRequest"},
  };
  for (const auto& [name, patch, named] : cases) {
    Json body = Bridged(name);
    body.merge_patch(Json::parse(patch));
    const Result<MarketplaceEvent> event = ReadEventBridgeEvent(body.dump());
    ASSERT_FALSE(event) << patch;
    EXPECT_EQ(event.error().code, Errc::kInvalidArgument);
    EXPECT_THAT(event.error().detail, HasSubstr(named));
  }
}

// ---- Bad input ---------------------------------------------------------------------------------------------------

// Every field of every example, at any depth, replaced by something of another type: read or refused, never a crash.
void ReadWithEachFieldBroken(const Json& message) {
  const std::vector<Json> wrong = {nullptr, true, -1, 1e300, "text", Json::array(), Json::object()};
  const Json flat = message.flatten();
  std::size_t next = 0;
  for (const auto& [pointer, value] : flat.items()) {
    for (Json::json_pointer at(pointer); !at.empty(); at.pop_back()) {
      Json copy = message;
      copy[at] = wrong[next++ % wrong.size()];
      const Result<MarketplaceEvent> event = ReadMarketplaceMessage(copy.dump(), kMessage, kSent);
      EXPECT_TRUE(event || event.error().code == Errc::kInvalidArgument) << at.to_string();
    }
  }
}

TEST(MarketplaceEventTest, AnyFieldMayBeOfTheWrongType) {
  for (const std::string folder : {"actions", "eventbridge"}) {
    for (const fs::path& file : FilesIn(kFixtures / folder)) ReadWithEachFieldBroken(Json::parse(Load(file)));
  }
}

TEST(MarketplaceEventTest, WhatIsNoJsonObjectIsRefused) {
  for (const std::string& text : {std::string(), std::string("hello"), std::string("[]"), std::string("{\"a\":"),
                                  std::string("\"\\"), std::string(",}"), std::string(100'000, '[')}) {
    EXPECT_FALSE(ReadMarketplaceMessage(text, kMessage, kSent)) << text.substr(0, 20);
    EXPECT_FALSE(ReadEventBridgeEvent(text)) << text.substr(0, 20);
  }
}

TEST(MarketplaceEventTest, ALongMessageOfCommasIsReadInNoTime) {
  std::string message = R"({"action":"x","a":[1)";
  for (int i = 0; i < 300'000; ++i) message += "  ,1";
  EXPECT_EQ(ReadMessage(message + ",]}").kind, Kind::kUnknown);
}

// ---- AWS's own examples ------------------------------------------------------------------------------------------

TEST(MarketplaceEventTest, TheDocumentedActionsAreRead) {
  const fs::path folder = kDocumented / "aws-marketplace-sns-docs";
  if (!fs::exists(folder)) GTEST_SKIP() << "no documented messages at " << folder;
  int seen = 0;
  for (const fs::path& file : FilesIn(folder)) {
    ++seen;
    const MarketplaceEvent event = ReadMessage(Load(file));
    EXPECT_EQ(event.kind, kActions.at(file.stem())) << file;
  }
  EXPECT_EQ(seen, 5);
}

TEST(MarketplaceEventTest, TheDocumentedEventsAreRead) {
  const fs::path folder = kDocumented / "aws-marketplace-eventbridge-docs";
  if (!fs::exists(folder)) GTEST_SKIP() << "no documented events at " << folder;
  int seen = 0;
  for (const fs::path& file : FilesIn(folder)) {
    ++seen;
    const MarketplaceEvent event = ReadBridged(Json::parse(Load(file)));
    EXPECT_NE(event.kind, Kind::kUnknown) << file;
    EXPECT_FALSE(event.agreement.empty()) << file;
    const bool licence = event.kind == Kind::kLicenceUpdated || event.kind == Kind::kLicenceDeprovisioned;
    EXPECT_EQ(LicenceIdOf(event.licence).has_value(), licence) << file;
  }
  EXPECT_EQ(seen, 13);
}

}  // namespace
}  // namespace dunlin
