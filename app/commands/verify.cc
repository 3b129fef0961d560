#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "app/commands/commands.h"
#include "app/commands/input.h"
#include "app/commands/output.h"
#include "app/commands/signing_secrets.h"
#include "state/clock.h"
#include "webhooks/aws_marketplace/fetched_certificates.h"
#include "webhooks/aws_marketplace/sns_verify.h"
#include "webhooks/stripe/signature.h"

namespace dunlin {
namespace {

constexpr std::int64_t kSecondsMax = 253'402'300'799;  // the end of the year 9999

Result<std::int64_t> SecondsIn(std::string_view option, const std::string& text, std::int64_t min) {
  Result<std::int64_t> number = ParseWholeNumber(option, text);
  if (!number || (*number >= min && *number <= kSecondsMax)) return number;
  return Fail(Errc::kInvalidArgument, std::string(option) + " is out of range: " + text);
}

// `reason` is empty for what is valid.
int Answer(std::string_view reason, bool json) {
  const bool valid = reason.empty();
  if (json) {
    PrintJson({{"valid", valid}, {"reason", valid ? nlohmann::json(nullptr) : nlohmann::json(reason)}});
  } else {
    Print(valid ? "valid\n" : "invalid: " + std::string(reason) + "\n");
  }
  return valid ? kExitOk : kExitNo;
}

// The certificate that was named by hand, whatever the message's URL and its own dates: who names it vouches for it.
class GivenCertificate final : public CertificateSource {
 public:
  explicit GivenCertificate(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<Certificate> At(const std::string&) override {
    const Result<std::vector<Certificate>> read = ReadCertificates(bytes_);
    if (!read) return Fail(Errc::kUnauthenticated, "--cert: " + read.error().detail);
    return read->front();
  }

 private:
  const std::string bytes_;
};

class StoppedClock final : public Clock {
 public:
  explicit StoppedClock(Timestamp now) : now_(now) {}
  Timestamp Now() const override { return now_; }

 private:
  const Timestamp now_;
};

Result<std::unique_ptr<CertificateSource>> OpenCertificates(const std::string& cert, const Clock& clock) {
  if (cert.empty()) return std::make_unique<FetchedCertificates>(clock, FetchedCertificates::Options{});
  Result<std::string> bytes = ReadInput(cert);
  if (!bytes) return tl::unexpected(bytes.error());
  return std::make_unique<GivenCertificate>(*std::move(bytes));
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

  const Result<std::vector<std::string>> secrets = SigningSecrets(arguments.secrets);
  if (!secrets) return Complain(secrets.error().detail, kExitUsage);
  const SignatureVerdict verdict = VerifyStripeSignature(arguments.header, *body, *secrets, now, tolerance);
  return Answer(verdict == SignatureVerdict::kValid ? "" : ReasonName(verdict), arguments.json);
}

int RunVerifySns(const VerifySnsArguments& arguments) {
  Timestamp now = SystemClock().Now();
  if (!arguments.now.empty()) {
    const Result<Timestamp> time = ParseRfc3339(arguments.now);
    if (!time) return Complain("--now: " + time.error().detail, kExitUsage);
    now = *time;
  }
  const StoppedClock clock(now);
  const auto certificates = OpenCertificates(arguments.cert, clock);
  if (!certificates) return Complain(certificates.error().detail, kExitUsage);
  const Result<std::string> body = ReadInput(arguments.file);
  if (!body) return Complain(body.error().detail, kExitUsage);

  SnsVerifyOptions options;
  options.topics = std::nullopt;
  if (!arguments.topics.empty()) options.topics = arguments.topics;
  const SnsResult<SnsMessage> verified = VerifySnsMessage(*body, clock.Now(), options, **certificates);
  if (verified) return Answer("", arguments.json);
  Complain(CleanLine(verified.error().detail), kExitNo);
  return Answer(ReasonName(verified.error().reason), arguments.json);
}

}  // namespace dunlin
