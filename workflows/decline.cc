#include "workflows/decline.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace dunlin {
namespace {

// What we may tell the customer. Whatever hints at a lost, stolen or suspected card says kAnother, like any other
// refusal: the person at the keyboard may not be its owner.
enum class Advice : std::uint8_t { kAnother, kLater, kFunds, kData, kAuthenticate };

struct DeclineCode {
  std::string_view code;
  DeclineClass decline_class;
  Advice advice;
};

using enum DeclineClass;
using enum Advice;

// clang-format off
constexpr auto kDeclineCodes = std::to_array<DeclineCode>({
  {"approve_with_id",                        kSoft,         kLater},
  {"authentication_not_handled",             kCustomerData, kAuthenticate},
  {"authentication_required",                kHard,         kAuthenticate},
  {"call_issuer",                            kSoft,         kAnother},
  {"card_not_supported",                     kCustomerData, kAnother},
  {"card_velocity_exceeded",                 kSoft,         kFunds},
  {"currency_not_supported",                 kCustomerData, kAnother},
  {"do_not_honor",                           kSoft,         kAnother},
  {"do_not_try_again",                       kCustomerData, kAnother},  // the advice code of that name is hard
  {"duplicate_transaction",                  kSoft,         kLater},
  {"expired_card",                           kCustomerData, kData},
  {"fraudulent",                             kCustomerData, kAnother},
  {"generic_decline",                        kSoft,         kAnother},
  {"highest_risk_level",                     kHard,         kAnother},
  {"incorrect_address",                      kCustomerData, kData},
  {"incorrect_cvc",                          kCustomerData, kData},
  {"incorrect_number",                       kHard,         kData},
  {"incorrect_pin",                          kCustomerData, kData},
  {"incorrect_zip",                          kCustomerData, kData},
  {"insufficient_funds",                     kSoft,         kFunds},
  {"invalid_account",                        kCustomerData, kAnother},
  {"invalid_amount",                         kSoft,         kAnother},
  {"invalid_cvc",                            kCustomerData, kData},
  {"invalid_expiry_month",                   kCustomerData, kData},
  {"invalid_expiry_year",                    kCustomerData, kData},
  {"invalid_number",                         kCustomerData, kData},
  {"invalid_pin",                            kCustomerData, kData},
  {"issuer_not_available",                   kSoft,         kLater},
  {"lost_card",                              kHard,         kAnother},
  {"merchant_blacklist",                     kCustomerData, kAnother},
  {"mobile_device_authentication_required",  kCustomerData, kAuthenticate},
  {"new_account_information_available",      kCustomerData, kData},
  {"no_action_taken",                        kSoft,         kLater},
  {"not_permitted",                          kSoft,         kAnother},
  {"offline_pin_required",                   kCustomerData, kAuthenticate},
  {"online_or_offline_pin_required",         kCustomerData, kAuthenticate},
  {"pickup_card",                            kHard,         kAnother},
  {"pin_try_exceeded",                       kCustomerData, kAnother},
  {"processing_error",                       kSoft,         kLater},
  {"reenter_transaction",                    kSoft,         kLater},
  {"restricted_card",                        kCustomerData, kAnother},
  {"revocation_of_all_authorizations",       kHard,         kAnother},
  {"revocation_of_authorization",            kHard,         kAnother},
  {"rule",                                   kCustomerData, kAnother},  // a rule of the merchant's own account
  {"security_violation",                     kSoft,         kAnother},
  {"service_not_allowed",                    kSoft,         kAnother},
  {"stolen_card",                            kHard,         kAnother},
  {"stop_payment_order",                     kCustomerData, kAnother},
  {"testmode_decline",                       kCustomerData, kAnother},
  {"transaction_not_allowed",                kHard,         kAnother},
  {"try_again_later",                        kSoft,         kLater},
  {"withdrawal_count_limit_exceeded",        kSoft,         kFunds},
});
// clang-format on

static_assert(std::ranges::is_sorted(kDeclineCodes, std::less{}, &DeclineCode::code), "found by binary search");
static_assert(std::ranges::count(kDeclineCodes, kHard, &DeclineCode::decline_class) == 9,
              "the processor refuses to retry exactly nine codes");

const DeclineCode* Find(std::string_view code) {
  const auto* found = std::ranges::lower_bound(kDeclineCodes, code, std::less{}, &DeclineCode::code);
  return found != kDeclineCodes.end() && found->code == code ? found : nullptr;
}

// What the processor and the card network advise on top of the code.
DeclineClass AdvisedClass(const Decline& decline) {
  // Mastercard's merchant advice: 03 do not try again, 21 the cardholder stopped the agreement.
  const std::string_view network = decline.network_advice_code;
  if (decline.advice_code == "do_not_try_again" || network == "03" || network == "21") return kHard;
  if (decline.advice_code == "confirm_card_data" || network == "01") return kCustomerData;
  return kSoft;
}

}  // namespace

std::string_view DeclineClassName(DeclineClass c) {
  switch (c) {
    case kSoft: return "soft";
    case kCustomerData: return "customer_data";
    case kHard: return "hard";
  }
  return "soft";
}

DeclineClass ClassifyDecline(const Decline& decline) {
  const DeclineCode* known = Find(decline.code);
  // The stricter counts: an advice to wait does not make a stolen card good.
  return std::max(known == nullptr ? kSoft : known->decline_class, AdvisedClass(decline));
}

std::string_view DeclineAdvice(const Decline& decline) {
  const DeclineCode* known = Find(decline.code);
  Advice advice = known == nullptr ? kAnother : known->advice;
  // "Wait" is wrong where waiting cannot help: the advice codes may be stricter than the decline code.
  if (ClassifyDecline(decline) != kSoft && (advice == kLater || advice == kFunds)) advice = kAnother;
  switch (advice) {
    case kAnother: break;
    case kLater: return "Your bank could not process the payment this time. You do not need to do anything yet.";
    case kFunds: return "Your bank declined the payment because of a limit or the balance of the account.";
    case kData: return "Your card's details are out of date or not right. Please enter them again or use another card.";
    case kAuthenticate:
      return "Your bank asks you to confirm this payment yourself. Please open the invoice and pay it there.";
  }
  return "Your bank declined the payment. Please use another payment method or ask your bank.";
}

}  // namespace dunlin
