#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/input.h"
#include "app/commands/output.h"
#include "state/clock.h"
#include "webhooks/stripe/signature.h"

namespace dunlin {
namespace {

constexpr std::int64_t kSecondsMax = 253'402'300'799;  // the end of the year 9999

Result<std::int64_t> SecondsIn(std::string_view option, const std::string& text, std::int64_t min) {
  Result<std::int64_t> number = ParseWholeNumber(option, text);
  if (!number || (*number >= min && *number <= kSecondsMax)) return number;
  return Fail(Errc::kInvalidArgument, std::string(option) + " is out of range: " + text);
}

}  // namespace

int RunVerifyStripe(const VerifyStripeArguments& arguments) {
  Timestamp now = SystemClock().Now();
  if (!arguments.now.empty()) {
    const Result<std::int64_t> seconds = SecondsIn("--now", arguments.now, 0);
    if (!seconds) return Complain(seconds.error());
    now = FromUnixSeconds(*seconds);
  }
  Seconds tolerance = kStripeToleranceDefault;
  if (!arguments.tolerance.empty()) {
    const Result<std::int64_t> seconds = SecondsIn("--tolerance", arguments.tolerance, 0);
    if (!seconds) return Complain(seconds.error());
    tolerance = Seconds{*seconds};
  }
  const Result<std::string> body = ReadInput(arguments.file);
  if (!body) return Complain(body.error().detail, kExitUsage);

  const SignatureVerdict verdict = VerifyStripeSignature(arguments.header, *body, arguments.secrets, now, tolerance);
  const bool valid = verdict == SignatureVerdict::kValid;
  const std::string reason(ReasonName(verdict));
  if (arguments.json) {
    PrintJson({{"valid", valid}, {"reason", valid ? nlohmann::json(nullptr) : nlohmann::json(reason)}});
  } else {
    Print(valid ? "valid\n" : "invalid: " + reason + "\n");
  }
  return valid ? kExitOk : kExitNo;
}

}  // namespace dunlin
