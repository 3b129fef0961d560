#include "webhooks/aws_marketplace/certificate.h"

#include <gtest/gtest.h>

#include <fstream>
#include <ostream>

#include "tests/support/scratch.h"
#include "tests/support/test_ca.h"

namespace dunlin {

void PrintTo(ChainVerdict::End end, std::ostream* out) { *out << static_cast<int>(end); }

namespace {

using testing::CertificateSpec;
using testing::Issue;
using testing::Issued;
using testing::KeyPair;
using testing::ScratchDir;
using End = ChainVerdict::End;

Certificate Read(const std::string& bytes) {
  const Result<std::vector<Certificate>> read = ReadCertificates(bytes);
  EXPECT_TRUE(read) << read.error().detail;
  return read->front();
}
CertificateSpec Ca(const std::string& name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.is_ca = true;
  return spec;
}

// ---- Reading -----------------------------------------------------------------------------------------------------

TEST(CertificateTest, OfAChainTheFirstEightAreRead) {
  const KeyPair key = KeyPair::Ec();
  std::string chain;
  for (int i = 0; i < 9; ++i) {
    CertificateSpec spec;
    spec.common_name = "n" + std::to_string(i) + ".example";
    chain += Issue(spec, key).Pem();
  }
  const Result<std::vector<Certificate>> read = ReadCertificates(chain);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 8U);
  for (int i = 0; i < 8; ++i)
    EXPECT_TRUE(read->at(static_cast<std::size_t>(i)).IssuedFor("n" + std::to_string(i) + ".example"));
}

TEST(CertificateTest, AChainOfWhichOneCannotBeReadIsNone) {
  const std::string good = Issue({}, KeyPair::Ec()).Pem();
  const std::string cut = good.substr(0, good.size() / 2);
  std::string other = good;
  other.replace(other.find('\n') + 1, 4, "AAAA");
  ASSERT_EQ(ReadCertificates("A text before\n" + good + "and between\n" + good + "and behind\n").value().size(), 2U);
  for (const std::string& chain : {cut, other, good + cut, good + other, other + good, cut + good}) {
    const Result<std::vector<Certificate>> read = ReadCertificates(chain);
    ASSERT_FALSE(read) << chain;
    EXPECT_EQ(read.error().code, Errc::kInvalidArgument);
  }
}

TEST(CertificateTest, ADateThatIsNoneMakesItNeverValid) {
  const KeyPair key = KeyPair::Ec();
  const Timestamp now = SystemClock().Now();
  ASSERT_TRUE(Read(Issue({}, key).Der()).ValidAt(now));
  for (const char* text : {"no time", "20260101", "261332000000Z", "991301000000Z"}) {
    CertificateSpec begins;
    begins.not_before_text = text;
    EXPECT_FALSE(Read(Issue(begins, key).Der()).ValidAt(now)) << text;
    CertificateSpec ends;
    ends.not_after_text = text;
    EXPECT_FALSE(Read(Issue(ends, key).Der()).ValidAt(now)) << text;
  }
}

TEST(CertificateTest, WhereItsIssuersCertificateIsIsTheFirstUrlThatSaysSo) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"caIssuers;URI:http://crt.example/a.cer", "http://crt.example/a.cer"},
      {"OCSP;URI:http://ocsp.example", ""},
      {"OCSP;URI:http://ocsp.example,caIssuers;URI:http://crt.example/a.cer", "http://crt.example/a.cer"},
      {"caIssuers;DNS:crt.example", ""},
      {"caIssuers;DNS:crt.example,caIssuers;URI:http://crt.example/b.cer,caIssuers;URI:http://crt.example/c.cer",
       "http://crt.example/b.cer"},
  };
  const KeyPair key = KeyPair::Ec();
  for (const auto& [access, url] : cases) {
    CertificateSpec spec;
    spec.information_access = access;
    EXPECT_EQ(Read(Issue(spec, key).Pem()).issuer_url(), url) << access;
  }
}

TEST(CertificateTest, AKeyOfAKindThatIsNotKnownHasSignedNothing) {
  const KeyPair key = KeyPair::Rsa(1024);
  const std::string signature = key.Sign("text", "SHA256");
  std::string der = Issue({}, key).Der();
  ASSERT_TRUE(Read(der).HasSigned("text", signature, HashFunction::kSha256));
  const std::string rsa_encryption = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
  const std::size_t at = der.find(rsa_encryption);
  ASSERT_NE(at, std::string::npos);
  der[at + rsa_encryption.size() - 1] = '\x7f';
  EXPECT_FALSE(Read(der).HasSigned("text", signature, HashFunction::kSha256));
}

// ---- Chains ------------------------------------------------------------------------------------------------------

class CertificateChainTest : public ::testing::Test {
 protected:
  ChainVerdict Check(const Issued& leaf, const std::vector<Issued>& issuers, const std::string& anchors) {
    std::ofstream(scratch_.File("ca.pem")) << anchors;
    return CheckAgainst(leaf, issuers, scratch_.File("ca.pem"));
  }
  static ChainVerdict CheckAgainst(const Issued& leaf, const std::vector<Issued>& issuers, const std::string& ca_file) {
    std::vector<Certificate> certificates;
    for (const Issued& issuer : issuers) certificates.push_back(Read(issuer.Pem()));
    return CheckChain(Read(leaf.Pem()), certificates, ca_file, SystemClock().Now());
  }

  const KeyPair key_ = KeyPair::Ec();
  const Issued root_ = Issue(Ca("Root"), KeyPair::Ec());
  const Issued middle_ = Issue(Ca("Middle"), KeyPair::Ec(), &root_);
  const Issued leaf_ = Issue({}, key_, &middle_);
  ScratchDir scratch_;
};

TEST_F(CertificateChainTest, ItLeadsToAnAnchorOrSaysThatAnIssuerIsMissing) {
  EXPECT_EQ(Check(leaf_, {middle_}, root_.Pem()).end, End::kTrusted);
  EXPECT_EQ(Check(leaf_, {middle_}, root_.Pem()).why, "");
  const ChainVerdict no_middle = Check(leaf_, {}, root_.Pem());
  EXPECT_EQ(no_middle.end, End::kIssuerMissing) << no_middle.why;
  const ChainVerdict no_root = Check(leaf_, {middle_}, Issue(Ca("Other"), KeyPair::Ec()).Pem());
  EXPECT_EQ(no_root.end, End::kIssuerMissing) << no_root.why;
  const ChainVerdict only_a_middle = Check(leaf_, {}, middle_.Pem());
  EXPECT_EQ(only_a_middle.end, End::kIssuerMissing) << "an anchor is its own issuer: " << only_a_middle.why;
}

TEST_F(CertificateChainTest, OneThatSignedItselfIsRefusedUnlessItIsAnAnchor) {
  const Issued self = Issue({}, key_);
  EXPECT_EQ(Check(self, {}, root_.Pem()).end, End::kRefused);
  EXPECT_EQ(Check(self, {self}, root_.Pem()).end, End::kRefused);
  EXPECT_EQ(Check(self, {}, self.Pem()).end, End::kTrusted);
}

TEST_F(CertificateChainTest, WithoutAFileTheSystemsAnchorsCountAndTheyAreNotOurs) {
  EXPECT_EQ(CheckAgainst(leaf_, {middle_}, "").end, End::kIssuerMissing);
  EXPECT_EQ(CheckAgainst(leaf_, {middle_, root_}, "").end, End::kRefused) << "signed by itself in the end";
}

TEST_F(CertificateChainTest, AnchorsThatCannotBeReadAreNone) {
  for (const std::string& anchors : {std::string(), std::string("no certificate"), root_.Pem().substr(0, 100)}) {
    const ChainVerdict verdict = Check(leaf_, {middle_}, anchors);
    EXPECT_EQ(verdict.end, End::kRefused);
    EXPECT_EQ(verdict.why, "the trust anchors cannot be read") << anchors;
  }
  EXPECT_EQ(CheckAgainst(leaf_, {middle_}, "/nonexistent/ca.pem").why, "the trust anchors cannot be read");
}

}  // namespace
}  // namespace dunlin
