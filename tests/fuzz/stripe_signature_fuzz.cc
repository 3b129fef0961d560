// The first line is the header, the rest the body. What passes must carry what our secret makes of exactly these bytes.
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "webhooks/stripe/signature.h"

DUNLIN_FUZZ_TARGET(bytes) {
  using dunlin::SignatureVerdict;
  const std::size_t line = bytes.find('\n');
  const std::string header(bytes.substr(0, line));
  const std::string_view body = line == std::string_view::npos ? "" : bytes.substr(line + 1);
  const std::vector<std::string> secrets = {"whsec_fuzz", " ", "whsec_other"};
  const dunlin::Timestamp now = dunlin::FromUnixSeconds(1'790'000'000);
  const auto verify = [&](const std::string& value) {
    return dunlin::VerifyStripeSignature(value, body, secrets, now, dunlin::Seconds{300});
  };

  const SignatureVerdict verdict = verify(header);
  DUNLIN_CHECK(dunlin::ReasonName(verdict) != "unknown");
  if (verdict == SignatureVerdict::kValid || verdict == SignatureVerdict::kTimestampOutsideTolerance) {
    const std::size_t t = header.find("t=");
    DUNLIN_CHECK(t != std::string::npos);
    const dunlin::Timestamp at = dunlin::FromUnixSeconds(std::stoll(header.substr(t + 2)));
    bool ours = false;
    for (const std::string& secret : secrets) {
      const std::string made = dunlin::SignStripePayload(body, secret, at);
      ours = ours || header.find(made.substr(made.find("v1="))) != std::string::npos;
    }
    DUNLIN_CHECK(ours);
  }

  if (body.empty()) return;
  const std::string good = dunlin::SignStripePayload(body, secrets[0], now);
  DUNLIN_CHECK(verify(good) == SignatureVerdict::kValid);
  // Whatever else stands in the header, a rightly signed element counts as long as the header is well formed.
  const SignatureVerdict both = verify(good + "," + header);
  DUNLIN_CHECK(both == SignatureVerdict::kValid || both == SignatureVerdict::kHeaderMalformed);
}
