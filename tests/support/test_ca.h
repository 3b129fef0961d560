// Keys and certificates made for one test.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "state/clock.h"
#include "state/time.h"

struct evp_pkey_st;
struct x509_st;

namespace dunlin::testing {

class FixedClock final : public Clock {
 public:
  explicit FixedClock(Timestamp now) : now_(now) {}
  Timestamp Now() const override { return now_; }
  void Set(Timestamp now) { now_ = now; }  // while nobody asks

 private:
  Timestamp now_;
};

class KeyPair {
 public:
  static KeyPair Rsa(unsigned bits = 2048);
  static KeyPair Ec();  // P-256

  std::string Sign(std::string_view bytes, const char* digest) const;  // raw; digest: "SHA1" or "SHA256"
  std::string PrivatePem() const;
  evp_pkey_st* get() const { return key_.get(); }

 private:
  explicit KeyPair(evp_pkey_st* key);
  std::shared_ptr<evp_pkey_st> key_;
};

struct CertificateSpec {
  std::string common_name = "sns.amazonaws.com";
  std::vector<std::string> dns_names;  // empty: no alternative names
  bool is_ca = false;
  std::string issuer_url;          // empty: none
  std::string information_access;  // instead of issuer_url, as OpenSSL's configuration has it: "OCSP;URI:http://…,…"
  Timestamp not_before = SystemClock().Now() - 24h;
  Timestamp not_after = SystemClock().Now() + 24h;
  std::string not_before_text;  // instead, even if it is no time
  std::string not_after_text;
};

struct Issued {
  KeyPair key;
  std::shared_ptr<x509_st> x509;
  std::string Pem() const;
  std::string Der() const;
};

// Signed by `issuer`; by its own key without one.
Issued Issue(const CertificateSpec& spec, const KeyPair& key, const Issued* issuer = nullptr);

}  // namespace dunlin::testing
