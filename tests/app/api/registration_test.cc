// A buyer of AWS Marketplace comes with a token, and the product claims who that is.
#include "app/api/registration.h"

#include <gmock/gmock.h>

#include "tests/app/api/api_fixture.h"
#include "tests/support/scripted_marketplace.h"

namespace dunlin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ResolvedCustomer kBuyer{.customer = CustomerIdentifier{"c1"},
                              .product = ProductCode{"prod1"},
                              .account = AwsAccountId{"210987654321"},
                              .licence = LicenceArn{"arn:aws:license-manager::294406891311:license:l-01"}};

class RegistrationTest : public ApiTest {
 protected:
  RegistrationTest() {
    marketplace_.WillResolve(kBuyer);
    BuyerRegistration::Options options;
    options.landing_page = "https://product.example/welcome?from=aws";
    options.on_outcome = [this](std::string_view outcome) { outcomes_.emplace_back(outcome); };
    registration_.emplace(*ledger_, marketplace_, clock_, std::move(options));
  }

  HttpResponse Come(const std::string& form = "x-amzn-marketplace-token=tok%2Ben") {
    HttpRequest request;
    request.body = form;
    return registration_->Handle(request);
  }
  static std::string HeaderOf(const HttpResponse& response, const std::string& name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }
  std::string Code() {
    const HttpResponse response = Come();
    EXPECT_EQ(response.status, 303) << response.body;
    const std::string location = HeaderOf(response, "Location");
    const std::string before = "https://product.example/welcome?from=aws&code=";
    EXPECT_THAT(location, ::testing::StartsWith(before));
    return location.size() > before.size() ? location.substr(before.size()) : "";
  }
  HttpAnswer Claim(const std::string& code, const std::string& body, Role role = Role::kProduct) {
    return Send("POST", "/v1/registrations/" + code + "/claim", {{"Authorization", "Bearer " + TokenOf(role)}}, body);
  }
  std::vector<StoredEvent> Events() { return base_->Events({}, {})->items; }

  testing::ScriptedMarketplace marketplace_;
  std::optional<BuyerRegistration> registration_;
  std::vector<std::string> outcomes_;
};

// ---- Coming ------------------------------------------------------------------------------------------------------

TEST_F(RegistrationTest, ABuyerIsAskedAboutAtOnceStoredAndSentOnWithACode) {
  const std::string code = Code();
  EXPECT_THAT(code, SizeIs(64));
  EXPECT_THAT(marketplace_.calls(), ElementsAre("resolve tok+en"));
  ASSERT_THAT(Events(), SizeIs(1));
  const StoredEvent event = base_->FindEvent(Provider::kAwsMarketplace, Events()[0].id).value().value();
  EXPECT_EQ(event.type, "registration.resolved");
  const json body = json::parse(event.body);
  EXPECT_EQ(body["product_code"], "prod1");
  EXPECT_EQ(body["customer_identifier"], "c1");
  EXPECT_EQ(body["aws_account_id"], "210987654321");
  EXPECT_EQ(body["licence_arn"], kBuyer.licence.str());
  EXPECT_THAT(event.body, Not(HasSubstr("tok+en")));
  EXPECT_THAT(base_->Jobs({.kind = JobKind::kApply}, {}).value().items, SizeIs(1));
  EXPECT_THAT(outcomes_, ElementsAre("registered"));
}

TEST_F(RegistrationTest, TheSameTokenAgainIsOneRegistrationAndANewCode) {
  const std::string first = Code();
  EXPECT_NE(Code(), first);
  EXPECT_THAT(Events(), SizeIs(1));
  EXPECT_THAT(outcomes_, ElementsAre("registered", "repeated"));
}

TEST_F(RegistrationTest, ATokenThatIsTooOldOrNoneIsAnsweredForPeopleAndWipesNothing) {
  Code();
  for (const auto code : {MarketplaceErrc::kExpiredToken, MarketplaceErrc::kInvalidToken}) {
    marketplace_.WillResolve(Fail(code, "AWS says so"));
    const HttpResponse response = Come();
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
    EXPECT_THAT(response.body, HasSubstr("go back to your subscription in AWS Marketplace"));
    EXPECT_EQ(outcomes_.back(), MarketplaceErrcName(code));
  }
  EXPECT_THAT(Events(), SizeIs(1));
}

TEST_F(RegistrationTest, WithoutOneTokenNobodyIsAsked) {
  for (const char* form :
       {"", "x-amzn-marketplace-token=", "other=1", "x-amzn-marketplace-token=a&x-amzn-marketplace-token=b"}) {
    EXPECT_EQ(Come(form).status, 400) << form;
    EXPECT_EQ(outcomes_.back(), "no_token");
  }
  EXPECT_EQ(Come("x-amzn-marketplace-token=" + std::string(17000, 'a')).status, 400);
  EXPECT_THAT(marketplace_.calls(), IsEmpty());
}

TEST_F(RegistrationTest, TroubleWithAwsOrTheLedgerAsksTheBuyerToComeBack) {
  marketplace_.WillResolve(Fail(MarketplaceErrc::kTemporary, "throttled"));
  EXPECT_EQ(Come().status, 503);
  EXPECT_THAT(base_->Alerts({}).value().items, IsEmpty());
  marketplace_.WillResolve(Fail(MarketplaceErrc::kCredentials, "denied"));
  const HttpResponse denied = Come();
  EXPECT_EQ(denied.status, 503);
  EXPECT_NE(HeaderOf(denied, "Retry-After"), "");
  EXPECT_THAT(denied.body, Not(HasSubstr("denied")));
  ASSERT_THAT(base_->Alerts({}).value().items, SizeIs(1));
  EXPECT_EQ(base_->Alerts({}).value().items[0].key, "marketplace_credentials");
  marketplace_.WillResolve(kBuyer);
  ledger_->LoseCommit(1, testing::FaultyLedger::Fault::kBeforeWrite);
  EXPECT_EQ(Come().status, 503);
  EXPECT_EQ(Come().status, 303);
}

TEST_F(RegistrationTest, OnlySoManyBuyersAreAskedAboutAtOnce) {
  int asked = 0;
  marketplace_.during = [&] {  // another buyer comes while one is being asked about
    if (++asked == 1) {
      EXPECT_EQ(Come().status, 303);
    } else {
      EXPECT_EQ(Come().status, 503);
    }
  };
  EXPECT_EQ(Come().status, 303);
  EXPECT_THAT(marketplace_.calls(), SizeIs(2));
}

// ---- Claiming ----------------------------------------------------------------------------------------------------

TEST_F(RegistrationTest, AClaimTiesTheBuyerToAnAccountOfTheProduct) {
  const std::string code = Code();
  const HttpAnswer claimed = Claim(code, R"({"account":"user-42"})");
  EXPECT_EQ(claimed.status, 200) << claimed.body;
  const json body = json::parse(claimed.body);
  EXPECT_EQ(body["account"], "user-42");
  EXPECT_EQ(body["marketplace_account"], "210987654321");
  EXPECT_TRUE(body["subscription"].is_null());  // the event waits to be applied
  EXPECT_THAT(base_->ResolveAccount("user-42").value(), ElementsAre(AccountId{"210987654321"}));
}

TEST_F(RegistrationTest, ACodeIsGoodOnceButMayBeRepeated) {
  const std::string code = Code();
  EXPECT_EQ(Claim(code, R"({"account":"user-42"})").status, 200);
  EXPECT_EQ(Claim(code, R"({"account":"user-42"})").status, 200);
  EXPECT_THAT(Detail(Claim(code, R"({"account":"user-43"})"), 409), HasSubstr("another account has claimed"));
  EXPECT_THAT(base_->ResolveAccount("user-43").value(), IsEmpty());
}

TEST_F(RegistrationTest, ACodeThatIsNoneOrAWeekOldIsNotFound) {
  EXPECT_THAT(Detail(Claim("0123", R"({"account":"user-42"})"), 404), HasSubstr("no registration has this code"));
  const std::string code = Code(), claimed = Code();
  EXPECT_EQ(Claim(claimed, R"({"account":"user-42"})").status, 200);
  clock_.Set(clock_.Now() + kClaimableFor + 1s);
  EXPECT_EQ(Claim(code, R"({"account":"user-42"})").status, 404);
  EXPECT_EQ(Claim(claimed, R"({"account":"user-42"})").status, 200);
}

TEST_F(RegistrationTest, AClaimNeedsAnAccountAndARoleThatMay) {
  const std::string code = Code();
  for (const char* body : {"", "{}", R"({"account":7})", R"({"account":" "})", R"({"account":"a\nb"})"}) {
    EXPECT_THAT(Detail(Claim(code, body), 400), HasSubstr("account")) << body;
  }
  EXPECT_EQ(Claim(code, R"({"account":"user-42"})", Role::kViewer).status, 403);
  EXPECT_EQ(Send("POST", "/v1/registrations/" + code + "/claim", {}, "{}").status, 401);
  EXPECT_EQ(Claim(code, R"({"account":"user-42"})", Role::kSupport).status, 200);
}

}  // namespace
}  // namespace dunlin
