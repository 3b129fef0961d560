// What verifying a message of Amazon SNS costs when its certificate is known. Run by hand: prints JSON.
#include <cstdio>
#include <ctime>
#include <string>

#include "state/check.h"
#include "tests/support/sns_sender.h"
#include "webhooks/aws_marketplace/cached_certificates.h"
#include "webhooks/aws_marketplace/sns_verify.h"

namespace dunlin {
namespace {

class OneCertificate final : public CertificateSource {
 public:
  explicit OneCertificate(const std::string& pem) : certificate_(ReadCertificates(pem)->front()) {}
  Result<Certificate> At(const std::string&) override { return certificate_; }

 private:
  const Certificate certificate_;
};

double CpuMicros() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) * 1e6 + static_cast<double>(spent.tv_nsec) / 1e3;
}

void Measure(const testing::KeyPair& key, const std::string& version, CertificateSource& certificates) {
  constexpr int kMessages = 20'000;
  const std::string body = testing::SnsSigned(testing::SnsNotification(), key, version).dump();
  const SnsVerifyOptions options{std::vector<std::string>{testing::kTopic}, {}};
  const Timestamp now = *ParseRfc3339(testing::kSentAt);
  const auto verify = [&](int times) {
    const double begin = CpuMicros();
    for (int i = 0; i < times; ++i) {
      const SnsResult<SnsMessage> verified = VerifySnsMessage(body, now, options, certificates);
      DUNLIN_CHECK(verified.has_value());
    }
    return (CpuMicros() - begin) / times;
  };
  verify(kMessages / 10);  // warm
  std::printf("{\"signature_version\":\"%s\",\"key_bits\":2048,\"body_bytes\":%zu,\"cpu_us_per_message\":%.1f}\n",
              version.c_str(), body.size(), verify(kMessages));
}

}  // namespace
}  // namespace dunlin

int main() {
  using namespace dunlin;
  const testing::KeyPair key = testing::KeyPair::Rsa();
  OneCertificate certificate(testing::Issue({}, key).Pem());
  const SystemClock clock;
  CachedCertificates cached(certificate, clock, {});
  Measure(key, "1", cached);
  Measure(key, "2", cached);
  return 0;
}
