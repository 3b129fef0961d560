// What every source of certificates promises, played against each of them; and what each promises beyond it.
#include "webhooks/aws_marketplace/certificates.h"

#include <gtest/gtest.h>

#include <fstream>
#include <ostream>
#include <thread>

#include "tests/support/scratch.h"
#include "tests/support/sns_sender.h"
#include "tests/support/tls_server.h"
#include "webhooks/aws_marketplace/cached_certificates.h"
#include "webhooks/aws_marketplace/fetched_certificates.h"

namespace dunlin {
namespace {

using testing::CertificateSpec;
using testing::FixedClock;
using testing::HttpAnswer;
using testing::Issue;
using testing::Issued;
using testing::KeyPair;
using testing::ScratchDir;
using testing::TlsServer;

constexpr const char* kHost = "sns.us-east-1.amazonaws.com";

std::string Url(const std::string& name) {
  return "https://" + std::string(kHost) + "/SimpleNotificationService-" + name + ".pem";
}

CertificateSpec Ca(const std::string& name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.is_ca = true;
  return spec;
}
CertificateSpec Names(std::vector<std::string> names) {
  CertificateSpec spec;
  spec.common_name = names.front();
  spec.dns_names = std::move(names);
  return spec;
}

// A certificate authority of its own, and SNS's host on this machine: over https, with what a test puts there.
class FakeSns {
 public:
  FakeSns() { std::ofstream(scratch_.File("ca.pem")) << root.Pem(); }

  // The bytes at a name; an empty whole answer never comes.
  void Put(const std::string& name, const std::string& body) { PutAnswer(name, HttpAnswer(200, body)); }
  void PutAnswer(const std::string& name, const std::string& answer) {
    const std::lock_guard lock(mutex_);
    answers_["GET /SimpleNotificationService-" + name + ".pem HTTP/1.1"] = answer;
  }
  FetchedCertificates::Options Options() const {
    return {.ca_file = scratch_.File("ca.pem"), .connect_to = {server.InsteadOf(kHost, 443)}};
  }
  Issued Signing(const CertificateSpec& spec = Names({"sns.amazonaws.com"})) const { return Issue(spec, key, &root); }

  const KeyPair key = KeyPair::Rsa();
  const Issued root = Issue(Ca("Test Root"), KeyPair::Ec());
  const Issued host = Issue(Names({kHost}), KeyPair::Ec(), &root);

 private:
  ScratchDir scratch_;
  std::mutex mutex_;
  std::map<std::string, std::string> answers_;

 public:
  TlsServer server{[this](const std::string& request) {
                     const std::lock_guard lock(mutex_);
                     const auto found = answers_.find(request);
                     return found == answers_.end() ? HttpAnswer(404, "<html>no such key</html>") : found->second;
                   },
                   &host};  // last: its thread reads what stands above
};

// ---- The contract ----

class Rig {
 public:
  virtual ~Rig() = default;
  virtual void Put(const std::string& name, const std::string& bytes) = 0;
  virtual Issued Signing() = 0;
  virtual CertificateSource& source() = 0;
};

class PinnedRig final : public Rig {
 public:
  void Put(const std::string& name, const std::string& bytes) override {
    std::ofstream(scratch_.File("SimpleNotificationService-" + name + ".pem")) << bytes;
  }
  Issued Signing() override { return Issue({}, KeyPair::Rsa()); }
  CertificateSource& source() override { return source_; }

 private:
  ScratchDir scratch_;
  PinnedCertificates source_{scratch_.File("")};
};

class FetchedRig final : public Rig {
 public:
  void Put(const std::string& name, const std::string& bytes) override { sns_.Put(name, bytes); }
  Issued Signing() override { return sns_.Signing(); }
  CertificateSource& source() override { return source_; }

 private:
  FakeSns sns_;
  const SystemClock clock_{};
  FetchedCertificates source_{clock_, sns_.Options()};
};

template <class Under>
class CachedRig final : public Rig {
 public:
  void Put(const std::string& name, const std::string& bytes) override { under_.Put(name, bytes); }
  Issued Signing() override { return under_.Signing(); }
  CertificateSource& source() override { return source_; }

 private:
  Under under_;
  const SystemClock clock_{};
  CachedCertificates source_{under_.source(), clock_, {}};
};

struct Kind {
  const char* name;
  std::unique_ptr<Rig> (*make)();
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }
template <class T>
std::unique_ptr<Rig> Make() {
  return std::make_unique<T>();
}
const Kind kKinds[] = {{"Pinned", &Make<PinnedRig>},
                       {"Fetched", &Make<FetchedRig>},
                       {"CachedPinned", &Make<CachedRig<PinnedRig>>},
                       {"CachedFetched", &Make<CachedRig<FetchedRig>>}};

class CertificateSourceContract : public ::testing::TestWithParam<Kind> {
 protected:
  const std::unique_ptr<Rig> rig_ = GetParam().make();
};

bool Verifies(const Result<Certificate>& certificate, const KeyPair& key) {
  return certificate && certificate->HasSigned("text", key.Sign("text", "SHA256"), HashFunction::kSha256);
}

TEST_P(CertificateSourceContract, TheCertificateAtAUrlVerifiesWhatItsKeySigned) {
  const Issued first = rig_->Signing();
  rig_->Put("0a", first.Pem());
  for (int i = 0; i < 3; ++i) {
    const Result<Certificate> certificate = rig_->source().At(Url("0a"));
    ASSERT_TRUE(certificate) << certificate.error().detail;
    EXPECT_TRUE(Verifies(certificate, first.key));
    EXPECT_FALSE(certificate->HasSigned("text", first.key.Sign("text", "SHA1"), HashFunction::kSha256));
    EXPECT_FALSE(certificate->HasSigned("other", first.key.Sign("text", "SHA256"), HashFunction::kSha256));
  }
}

TEST_P(CertificateSourceContract, WhereThereIsNoneItIsUnavailable) {
  const Result<Certificate> none = rig_->source().At(Url("00"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::kUnavailable) << none.error().detail;
}

TEST_P(CertificateSourceContract, WhatIsNoCertificateIsNotTaken) {
  const std::string pem = rig_->Signing().Pem();
  const std::pair<const char*, std::string> wrong[] = {{"01", "<html>hello</html>"},
                                                       {"02", pem.substr(0, pem.size() / 2)},
                                                       {"03", KeyPair::Ec().PrivatePem()},
                                                       {"04", std::string("\x30\x82\x00\x01\x00", 5)}};
  for (const auto& [name, bytes] : wrong) {
    rig_->Put(name, bytes);
    const Result<Certificate> certificate = rig_->source().At(Url(name));
    ASSERT_FALSE(certificate) << name;
    EXPECT_EQ(certificate.error().code, Errc::kUnauthenticated) << certificate.error().detail;
  }
}

TEST_P(CertificateSourceContract, OneThatWasNotThereMayComeLater) {
  const Issued late = rig_->Signing();
  rig_->Put("0b", late.Pem());
  EXPECT_FALSE(rig_->source().At(Url("00")));
  EXPECT_TRUE(rig_->source().At(Url("0b")));
}

TEST_P(CertificateSourceContract, ManyThreadsMayAskAtOnce) {
  const Issued first = rig_->Signing();
  rig_->Put("0a", first.Pem());
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 3; ++n) good += Verifies(rig_->source().At(Url("0a")), first.key) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 24);
}

INSTANTIATE_TEST_SUITE_P(All, CertificateSourceContract, ::testing::ValuesIn(kKinds),
                         [](const auto& kind) { return kind.param.name; });

// ---- Pinned ----

TEST(PinnedCertificatesTest, AnExpiredOneIsStillTheOneThatWasPinned) {
  const ScratchDir scratch;
  CertificateSpec spec;
  spec.not_before = FromUnixSeconds(0);
  spec.not_after = FromUnixSeconds(1'000'000'000);
  std::ofstream(scratch.File("SimpleNotificationService-01.pem")) << Issue(spec, KeyPair::Rsa()).Pem();
  const Result<Certificate> certificate = PinnedCertificates(scratch.File("")).At(Url("01"));
  ASSERT_TRUE(certificate) << certificate.error().detail;
  EXPECT_EQ(certificate->not_before(), spec.not_before);
  EXPECT_EQ(certificate->not_after(), spec.not_after);
  EXPECT_TRUE(certificate->ValidAt(spec.not_after));
  EXPECT_FALSE(certificate->ValidAt(spec.not_after + 1ms));
}

TEST(PinnedCertificatesTest, ALongFileIsReadWholeAndOneWithoutEndRefused) {
  const ScratchDir scratch;
  const std::string file = scratch.File("SimpleNotificationService-01.pem");
  const std::string pem = Issue({}, KeyPair::Rsa()).Pem();
  std::ofstream(file) << pem << std::string(16 * 1024 - pem.size() - 40, '#') << '\n' << pem;
  const Result<Certificate> certificate = PinnedCertificates(scratch.File("")).At(Url("01"));
  EXPECT_TRUE(certificate) << certificate.error().detail;
  std::ofstream(file, std::ios::app) << std::string(256 * 1024, '#');
  const Result<Certificate> endless = PinnedCertificates(scratch.File("")).At(Url("01"));
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().code, Errc::kUnauthenticated);
  EXPECT_NE(endless.error().detail.find("it is over 256 KiB"), std::string::npos) << endless.error().detail;
}

// ---- Fetched ----

class FetchedCertificatesTest : public ::testing::Test {
 protected:
  Result<Certificate> Fetch(const std::string& name) { return FetchedCertificates(clock_, options_).At(Url(name)); }
  // "taken", or the error's word.
  std::string Outcome(const std::string& name) {
    const Result<Certificate> fetched = Fetch(name);
    return fetched ? "taken" : std::string(ErrcName(fetched.error().code));
  }

  FakeSns sns_;
  FixedClock clock_{SystemClock().Now()};
  FetchedCertificates::Options options_ = sns_.Options();
};

TEST_F(FetchedCertificatesTest, ItIsAskedForByItsPathAndWithoutAnythingOfOurs) {
  sns_.Put("0a", sns_.Signing().Pem());
  EXPECT_EQ(Outcome("0a"), "taken");
  ASSERT_EQ(sns_.server.requests().size(), 1U);
  const std::string head = sns_.server.requests().front();
  EXPECT_EQ(head.substr(0, head.find("\r\n")), "GET /SimpleNotificationService-0a.pem HTTP/1.1");
  EXPECT_NE(head.find("\r\nHost: sns.us-east-1.amazonaws.com\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Cookie"), std::string::npos);
  EXPECT_EQ(head.find("Authorization"), std::string::npos);
}

TEST_F(FetchedCertificatesTest, OneOfAnotherNameIsNotOfSns) {
  sns_.Put("01", sns_.Signing(Names({"s3.amazonaws.com"})).Pem());
  sns_.Put("02", sns_.Signing(Names({"sns.amazonaws.com.evil.example"})).Pem());
  sns_.Put("03", sns_.Signing(Names({"*.amazonaws.com"})).Pem());
  sns_.Put("04", sns_.Signing(Names({"s3.amazonaws.com", "sns.amazonaws.com"})).Pem());
  CertificateSpec only_common_name;
  sns_.Put("05", sns_.Signing(only_common_name).Pem());
  CertificateSpec other_alternative;
  other_alternative.dns_names = {"s3.amazonaws.com"};
  sns_.Put("06", sns_.Signing(other_alternative).Pem());
  EXPECT_EQ(Outcome("01"), "unauthenticated");
  EXPECT_EQ(Outcome("02"), "unauthenticated");
  EXPECT_EQ(Outcome("03"), "unauthenticated");
  EXPECT_EQ(Outcome("04"), "taken");
  EXPECT_EQ(Outcome("05"), "taken");
  EXPECT_EQ(Outcome("06"), "unauthenticated") << "the common name does not count beside alternative names";
}

TEST_F(FetchedCertificatesTest, ItMustHoldNow) {
  const Timestamp now = FromUnixSeconds(ToUnixSeconds(clock_.Now()));
  CertificateSpec spec = Names({"sns.amazonaws.com"});
  spec.not_before = now - 1h;
  spec.not_after = now + 1h;
  sns_.Put("0a", sns_.Signing(spec).Pem());
  const std::pair<Timestamp, const char*> moments[] = {{spec.not_before - 1ms, "unauthenticated"},
                                                       {spec.not_before, "taken"},
                                                       {spec.not_after - 1s, "taken"},
                                                       {spec.not_after + 1ms, "unauthenticated"}};
  for (const auto& [moment, outcome] : moments) {
    clock_.Set(moment);
    EXPECT_EQ(Outcome("0a"), outcome) << FormatRfc3339(moment);
  }
}

TEST_F(FetchedCertificatesTest, AChainMustLeadToATrustAnchor) {
  const Issued stranger = Issue(Ca("Stranger"), KeyPair::Ec());
  sns_.Put("01", Issue(Names({"sns.amazonaws.com"}), sns_.key, &stranger).Pem());
  sns_.Put("02", Issue(Names({"sns.amazonaws.com"}), sns_.key).Pem());
  const Issued no_ca = Issue(Names({"host.example"}), KeyPair::Ec(), &sns_.root);
  sns_.Put("03", Issue(Names({"sns.amazonaws.com"}), sns_.key, &no_ca).Pem() + no_ca.Pem());
  const Issued middle = Issue(Ca("Middle"), KeyPair::Ec(), &sns_.root);
  sns_.Put("04", Issue(Names({"sns.amazonaws.com"}), sns_.key, &middle).Pem() + middle.Pem());
  EXPECT_EQ(Outcome("01"), "unauthenticated");
  EXPECT_EQ(Outcome("02"), "unauthenticated") << "signed by itself";
  EXPECT_EQ(Outcome("03"), "unauthenticated") << "issued by what may not issue";
  EXPECT_EQ(Outcome("04"), "taken") << "with the issuer behind it";
}

TEST_F(FetchedCertificatesTest, AMissingIssuerIsFetchedFromWhereTheCertificateSays) {
  CertificateSpec upper_spec = Ca("Upper");
  const Issued upper = Issue(upper_spec, KeyPair::Ec(), &sns_.root);
  CertificateSpec middle_spec = Ca("Middle");
  middle_spec.issuer_url = "http://crt.example/upper.pem";
  const Issued middle = Issue(middle_spec, KeyPair::Ec(), &upper);
  TlsServer issuers([&](const std::string& request) {
    if (request == "GET /middle.cer HTTP/1.1") return HttpAnswer(200, middle.Der());
    if (request == "GET /upper.pem HTTP/1.1") return HttpAnswer(200, upper.Pem());
    return HttpAnswer(404, "");
  });
  options_.connect_to.push_back(issuers.InsteadOf("crt.example", 80));
  CertificateSpec spec = Names({"sns.amazonaws.com"});
  spec.issuer_url = "http://crt.example/middle.cer";
  sns_.Put("01", Issue(spec, sns_.key, &middle).Pem());
  EXPECT_EQ(Outcome("01"), "taken");
  EXPECT_EQ(issuers.requests().size(), 2U);

  spec.issuer_url = "http://crt.example/none.cer";
  sns_.Put("02", Issue(spec, sns_.key, &middle).Pem());
  EXPECT_EQ(Outcome("02"), "unavailable");

  spec.issuer_url = "file:///etc/ssl/certs/ca-certificates.crt";
  sns_.Put("03", Issue(spec, sns_.key, &middle).Pem());
  EXPECT_EQ(Outcome("03"), "unavailable");

  spec.issuer_url = "http://crt.example/upper.pem";  // another's issuer: no way on from there
  sns_.Put("04", Issue(spec, sns_.key, &middle).Pem());
  EXPECT_EQ(Outcome("04"), "unauthenticated");
}

TEST_F(FetchedCertificatesTest, ARedirectIsNotFollowed) {
  sns_.Put("0a", sns_.Signing().Pem());
  sns_.PutAnswer("01", "HTTP/1.1 302 Found\r\nLocation: " + Url("0a") + "\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(Outcome("01"), "unavailable");
  EXPECT_EQ(sns_.server.requests().size(), 1U);
}

TEST_F(FetchedCertificatesTest, NothingOver16KiBIsRead) {
  const std::string pem = sns_.Signing().Pem();
  sns_.Put("01", pem + std::string(16 * 1024 - pem.size(), '\n'));
  sns_.Put("02", pem + std::string(16 * 1024 - pem.size() + 1, '\n'));
  sns_.PutAnswer("03", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + pem + std::string(100'000, '\n'));
  EXPECT_EQ(Outcome("01"), "taken");
  EXPECT_EQ(Outcome("02"), "unavailable");
  EXPECT_EQ(Outcome("03"), "unavailable");
}

TEST_F(FetchedCertificatesTest, NoAnswerInTimeIsUnavailable) {
  sns_.PutAnswer("01", "");
  sns_.PutAnswer("02", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhalf");
  options_.timeout = 200ms;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Outcome("01"), "unavailable");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  EXPECT_EQ(Outcome("02"), "unavailable");
  sns_.PutAnswer("03", HttpAnswer(503, ""));
  EXPECT_EQ(Outcome("03"), "unavailable");
}

// Whoever answers in its place has no certificate for the host.
TEST_F(FetchedCertificatesTest, AServerThatIsNotSnsIsNotListenedTo) {
  const std::string good = sns_.Signing().Pem();
  const auto outcome_at = [&](const Issued& certificate) {
    TlsServer impostor([&](const std::string&) { return HttpAnswer(200, good); }, &certificate);
    options_.connect_to = {impostor.InsteadOf(kHost, 443)};
    const std::string outcome = Outcome("0a");
    EXPECT_EQ(impostor.requests().size(), outcome == "taken" ? 1U : 0U);
    return outcome;
  };
  EXPECT_EQ(outcome_at(Issue(Names({kHost}), KeyPair::Ec(), &sns_.root)), "taken");
  EXPECT_EQ(outcome_at(Issue(Names({kHost}), KeyPair::Ec())), "unavailable") << "signed by itself";
  EXPECT_EQ(outcome_at(Issue(Names({"evil.example"}), KeyPair::Ec(), &sns_.root)), "unavailable");
  CertificateSpec expired = Names({kHost});
  expired.not_after = SystemClock().Now() - 1h;
  EXPECT_EQ(outcome_at(Issue(expired, KeyPair::Ec(), &sns_.root)), "unavailable");
}

TEST_F(FetchedCertificatesTest, AProxyOfTheEnvironmentIsNotUsed) {
  sns_.Put("0a", sns_.Signing().Pem());
  setenv("https_proxy", "http://127.0.0.1:1", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  EXPECT_EQ(Outcome("0a"), "taken");
  unsetenv("https_proxy");
  unsetenv("ALL_PROXY");
}

TEST_F(FetchedCertificatesTest, WithoutItsTrustAnchorsNothingIsTaken) {
  sns_.Put("0a", sns_.Signing().Pem());
  options_.ca_file = "/nonexistent/ca.pem";
  EXPECT_EQ(Outcome("0a"), "unavailable");
  options_.ca_file = "";  // the system's, which do not hold ours
  EXPECT_EQ(Outcome("0a"), "unavailable");
}

}  // namespace
}  // namespace dunlin
