// Verifying a message whose certificate is known costs little: whoever floods the door pays more than we do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>

#include "tests/support/instrumented.h"
#include "tests/support/sns_sender.h"
#include "webhooks/aws_marketplace/cached_certificates.h"
#include "webhooks/aws_marketplace/sns_verify.h"

namespace dunlin {
namespace {

constexpr double kMicrosMax = 100;
constexpr int kRounds = 20;
constexpr int kMessages = 200;

class OneCertificate final : public CertificateSource {
 public:
  explicit OneCertificate(const std::string& pem) : certificate_(ReadCertificates(pem)->front()) {}
  Result<Certificate> At(const std::string&) override { return certificate_; }

 private:
  const Certificate certificate_;
};

// Of this thread: what else runs on the machine does not count.
double CpuMicros() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) * 1e6 + static_cast<double>(spent.tv_nsec) / 1e3;
}

TEST(SnsCostTest, AMessageOfAKnownCertificateIsVerifiedInLessThanAHundredMicroseconds) {
  if (testing::kInstrumented) GTEST_SKIP() << "a sanitizer's time tells nothing";
  const testing::KeyPair key = testing::KeyPair::Rsa();
  OneCertificate certificate(testing::Issue({}, key).Pem());
  const SystemClock clock;
  CachedCertificates cached(certificate, clock, {});
  const SnsVerifyOptions options{std::vector<std::string>{testing::kTopic}, {}};
  const Timestamp now = *ParseRfc3339(testing::kSentAt);
  for (const char* version : {"1", "2"}) {
    const std::string body = testing::SnsSigned(testing::SnsNotification(), key, version).dump();
    double best = 1e9;
    for (int round = 0; round < kRounds; ++round) {
      const double begin = CpuMicros();
      for (int i = 0; i < kMessages; ++i) ASSERT_TRUE(VerifySnsMessage(body, now, options, cached));
      best = std::min(best, (CpuMicros() - begin) / kMessages);
    }
    std::printf("SignatureVersion %s: %.1f us of CPU a message\n", version, best);
    EXPECT_LT(best, kMicrosMax) << "SignatureVersion " << version;
  }
}

}  // namespace
}  // namespace dunlin
