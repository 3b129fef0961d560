#include "workflows/decline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string>

namespace dunlin {
namespace {

struct Expected {
  std::string_view code;
  DeclineClass decline_class;
};
using enum DeclineClass;

// Every decline code that the processor documents, and the two reasons that only an outcome carries.
constexpr auto kDocumented = std::to_array<Expected>({
    {"approve_with_id", kSoft},
    {"authentication_not_handled", kCustomerData},
    {"authentication_required", kHard},
    {"call_issuer", kSoft},
    {"card_not_supported", kCustomerData},
    {"card_velocity_exceeded", kSoft},
    {"currency_not_supported", kCustomerData},
    {"do_not_honor", kSoft},
    {"do_not_try_again", kCustomerData},
    {"duplicate_transaction", kSoft},
    {"expired_card", kCustomerData},
    {"fraudulent", kCustomerData},
    {"generic_decline", kSoft},
    {"incorrect_address", kCustomerData},
    {"incorrect_cvc", kCustomerData},
    {"incorrect_number", kHard},
    {"incorrect_pin", kCustomerData},
    {"incorrect_zip", kCustomerData},
    {"insufficient_funds", kSoft},
    {"invalid_account", kCustomerData},
    {"invalid_amount", kSoft},
    {"invalid_cvc", kCustomerData},
    {"invalid_expiry_month", kCustomerData},
    {"invalid_expiry_year", kCustomerData},
    {"invalid_number", kCustomerData},
    {"invalid_pin", kCustomerData},
    {"issuer_not_available", kSoft},
    {"lost_card", kHard},
    {"merchant_blacklist", kCustomerData},
    {"mobile_device_authentication_required", kCustomerData},
    {"new_account_information_available", kCustomerData},
    {"no_action_taken", kSoft},
    {"not_permitted", kSoft},
    {"offline_pin_required", kCustomerData},
    {"online_or_offline_pin_required", kCustomerData},
    {"pickup_card", kHard},
    {"pin_try_exceeded", kCustomerData},
    {"processing_error", kSoft},
    {"reenter_transaction", kSoft},
    {"restricted_card", kCustomerData},
    {"revocation_of_all_authorizations", kHard},
    {"revocation_of_authorization", kHard},
    {"security_violation", kSoft},
    {"service_not_allowed", kSoft},
    {"stolen_card", kHard},
    {"stop_payment_order", kCustomerData},
    {"testmode_decline", kCustomerData},
    {"transaction_not_allowed", kHard},
    {"try_again_later", kSoft},
    {"withdrawal_count_limit_exceeded", kSoft},
    {"highest_risk_level", kHard},
    {"rule", kCustomerData},
});

Decline Code(std::string_view code) {
  Decline decline;
  decline.code = code;
  return decline;
}

TEST(DeclineTest, EveryDocumentedCodeHasItsClass) {
  std::set<std::string_view> codes;
  for (const Expected& expected : kDocumented) {
    codes.insert(expected.code);
    EXPECT_EQ(ClassifyDecline(Code(expected.code)), expected.decline_class) << expected.code;
  }
  EXPECT_EQ(codes.size(), 50u + 2u);
}

TEST(DeclineTest, ExactlyTheProcessorsNineCodesAreHard) {
  std::set<std::string_view> hard;
  for (const Expected& expected : kDocumented) {
    if (ClassifyDecline(Code(expected.code)) == kHard) hard.insert(expected.code);
  }
  EXPECT_EQ(hard,
            (std::set<std::string_view>{"incorrect_number", "lost_card", "pickup_card", "stolen_card",
                                        "revocation_of_authorization", "revocation_of_all_authorizations",
                                        "authentication_required", "highest_risk_level", "transaction_not_allowed"}));
}

TEST(DeclineTest, AMissingOrUnknownCodeIsSoft) {
  EXPECT_EQ(ClassifyDecline(Code("")), kSoft);
  EXPECT_EQ(ClassifyDecline(Code("a_code_of_next_year")), kSoft);
  EXPECT_EQ(ClassifyDecline(Code("zzz")), kSoft);  // sorts after every code we know
  EXPECT_EQ(ClassifyDecline(Code("STOLEN_CARD")), kSoft);
}

TEST(DeclineTest, AdviceMakesADeclineStricter) {
  Decline decline = Code("insufficient_funds");
  decline.advice_code = "do_not_try_again";
  EXPECT_EQ(ClassifyDecline(decline), kHard);
  decline.advice_code = "confirm_card_data";
  EXPECT_EQ(ClassifyDecline(decline), kCustomerData);
  decline.advice_code = "an_advice_of_next_year";
  EXPECT_EQ(ClassifyDecline(decline), kSoft);
}

TEST(DeclineTest, TheCardNetworksStopsAreHard) {
  Decline decline = Code("do_not_honor");
  for (const auto& [advice, expected] :
       {std::pair{"03", kHard}, {"21", kHard}, {"01", kCustomerData}, {"02", kSoft}, {"24", kSoft}}) {
    decline.network_advice_code = advice;
    EXPECT_EQ(ClassifyDecline(decline), expected) << advice;
  }
}

TEST(DeclineTest, AdviceToWaitDoesNotMakeAStolenCardGood) {
  Decline decline = Code("stolen_card");
  decline.advice_code = "try_again_later";
  decline.network_advice_code = "24";
  EXPECT_EQ(ClassifyDecline(decline), kHard);
}

TEST(DeclineTest, TheCustomerIsNeverToldOfLossTheftOrFraud) {
  const std::string_view ordinary = DeclineAdvice(Code("generic_decline"));
  for (const std::string_view code : {"lost_card", "stolen_card", "pickup_card", "fraudulent", "restricted_card",
                                      "merchant_blacklist", "highest_risk_level", "security_violation", "rule"}) {
    EXPECT_EQ(DeclineAdvice(Code(code)), ordinary) << code;
  }
  for (const Expected& expected : kDocumented) {
    std::string advice(DeclineAdvice(Code(expected.code)));
    std::ranges::transform(advice, advice.begin(), [](unsigned char c) { return std::tolower(c); });
    EXPECT_FALSE(advice.empty());
    for (const char* word : {"lost", "stol", "theft", "fraud", "risk", "black", "suspect", "report"}) {
      EXPECT_EQ(advice.find(word), std::string::npos) << expected.code << ": " << advice;
    }
  }
}

TEST(DeclineTest, TheAdviceSaysWhatTheCustomerCanDo) {
  EXPECT_NE(DeclineAdvice(Code("expired_card")).find("Please enter them again"), std::string_view::npos);
  EXPECT_NE(DeclineAdvice(Code("authentication_required")).find("confirm this payment"), std::string_view::npos);
  EXPECT_NE(DeclineAdvice(Code("insufficient_funds")).find("balance"), std::string_view::npos);
  EXPECT_NE(DeclineAdvice(Code("processing_error")).find("do not need to do anything"), std::string_view::npos);
}

TEST(DeclineTest, NobodyIsToldToWaitForWhatWaitingCannotMend) {
  Decline decline = Code("processing_error");
  decline.advice_code = "do_not_try_again";
  EXPECT_EQ(DeclineAdvice(decline), DeclineAdvice(Code("generic_decline")));
  decline.code = "insufficient_funds";  // nor that the account will be good another day
  EXPECT_EQ(DeclineAdvice(decline), DeclineAdvice(Code("generic_decline")));
}

TEST(DeclineTest, ClassesHaveNames) {
  EXPECT_EQ(DeclineClassName(kSoft), "soft");
  EXPECT_EQ(DeclineClassName(kCustomerData), "customer_data");
  EXPECT_EQ(DeclineClassName(kHard), "hard");
}

}  // namespace
}  // namespace dunlin
