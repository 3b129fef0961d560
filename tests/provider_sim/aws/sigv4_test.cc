// The checking side of AWS Signature Version 4, on requests that an independent signer made.
#include "fixtures/provider_sim/aws/sigv4.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace dunlin::sim::aws {
namespace {

using Json = nlohmann::json;

const Timestamp kNow = *ParseRfc3339("2026-09-01T12:00:00Z");

class SigV4Test : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path file =
        std::filesystem::path(DUNLIN_SOURCE_DIR) / "../shared/fixtures/aws-sigv4/marketplace_vectors.json";
    if (!std::filesystem::exists(file)) GTEST_SKIP() << "needs " << file;
    std::ifstream in(file);
    vectors_ = Json::parse(in);
  }
  SignedRequest Request(std::size_t i) {
    const Json& vector = vectors_["vectors"][i];
    SignedRequest request{vector["method"], "/", "", vector["body"], {}};
    for (const auto& [name, value] : vector["headers"].items()) {
      std::string lower = name;
      std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
      request.headers.emplace(lower, value);
    }
    return request;
  }
  static std::string Verdict(const SignedRequest& request, Timestamp now = kNow) {
    const auto checked = CheckSignature(request, Credentials{}, now);
    return checked ? "good" : checked.error().type;
  }
  static void Replace(SignedRequest& request, const std::string& name, const std::string& value) {
    request.headers.erase(name);
    request.headers.emplace(name, value);
  }
  Json vectors_;
};

TEST_F(SigV4Test, TheMarketplaceVectorsAreGood) {
  ASSERT_EQ(vectors_["vectors"].size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(Verdict(Request(i)), "good") << i;
}

TEST_F(SigV4Test, WhateverIsAlteredIsFound) {
  SignedRequest body = Request(1);
  body.body += " ";
  EXPECT_EQ(Verdict(body), "InvalidSignatureException");
  SignedRequest target = Request(1);
  Replace(target, "x-amz-target", "AWSMPMeteringService.ResolveCustomer");
  EXPECT_EQ(Verdict(target), "InvalidSignatureException");
  SignedRequest host = Request(1);
  Replace(host, "host", "localhost");
  EXPECT_EQ(Verdict(host), "InvalidSignatureException");
  SignedRequest digest = Request(1);
  digest.headers.emplace("x-amz-content-sha256", std::string(64, '0'));
  EXPECT_EQ(Verdict(digest), "InvalidSignatureException");
  SignedRequest query = Request(1);
  query.query = "x=1";
  EXPECT_EQ(Verdict(query), "InvalidSignatureException");
}

TEST_F(SigV4Test, AnAuthorizationThatCannotBeReadIsRefused) {
  const std::string good = Request(0).headers.find("authorization")->second;
  const auto with = [&](const std::string& text) {
    SignedRequest request = Request(0);
    Replace(request, "authorization", text);
    return Verdict(request);
  };
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return with(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_EQ(with(""), "MissingAuthenticationTokenException");
  EXPECT_EQ(with("Bearer x"), "IncompleteSignatureException");
  EXPECT_EQ(with(good.substr(0, good.find(", Signature"))), "IncompleteSignatureException");
  EXPECT_EQ(changed("AKIDEXAMPLE", "AKIDOTHER"), "UnrecognizedClientException");
  EXPECT_EQ(changed("us-east-1", "us-west-2"), "InvalidSignatureException");
  EXPECT_EQ(changed("20260901", "20260902"), "InvalidSignatureException");
  EXPECT_EQ(changed("host;x-amz-date", "x-amz-date"), "InvalidSignatureException");
  EXPECT_EQ(changed(";x-amz-target", ""), "InvalidSignatureException");
  EXPECT_EQ(changed("content-type;host", "host;content-type"), "IncompleteSignatureException");
}

TEST_F(SigV4Test, ASignatureIsGoodFor15Minutes) {
  EXPECT_EQ(Verdict(Request(0), kNow + 15min), "good");
  EXPECT_EQ(Verdict(Request(0), kNow + 16min), "InvalidSignatureException");
  EXPECT_EQ(Verdict(Request(0), kNow - 16min), "InvalidSignatureException");
  SignedRequest undated = Request(0);
  undated.headers.erase("x-amz-date");
  EXPECT_EQ(Verdict(undated), "IncompleteSignatureException");
}

}  // namespace
}  // namespace dunlin::sim::aws
