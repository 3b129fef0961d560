// An X.509 certificate: whose it is, when it holds, who vouches for it, and what its key has signed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "state/result.h"
#include "state/time.h"

struct x509_st;  // OpenSSL's X509

namespace dunlin {

enum class HashFunction : std::uint8_t { kSha1, kSha256 };

// Immutable and cheap to copy; any number of threads may use one at once.
class Certificate {
 public:
  explicit Certificate(std::shared_ptr<x509_st> x509);  // not null

  Timestamp not_before() const { return not_before_; }
  Timestamp not_after() const { return not_after_; }
  bool ValidAt(Timestamp t) const { return not_before_ <= t && t <= not_after_; }

  // By its alternative names, or by its common name if it has none. Wildcards do not count.
  bool IssuedFor(const std::string& host) const;

  // Where it says that its issuer's certificate can be fetched (authority information access); empty: it does not say.
  std::string issuer_url() const;

  // RSA PKCS #1 v1.5. False as well when the key is no RSA key.
  bool HasSigned(std::string_view bytes, std::string_view signature, HashFunction hash) const;

  x509_st* x509() const { return x509_.get(); }  // owned by this

 private:
  std::shared_ptr<x509_st> x509_;
  Timestamp not_before_;
  Timestamp not_after_;
};

// All certificates of a PEM text in their order, or the one of DER bytes; at most eight are read.
// Errors: kInvalidArgument if there is none or one cannot be read.
Result<std::vector<Certificate>> ReadCertificates(std::string_view bytes);

struct ChainVerdict {
  enum class End : std::uint8_t { kTrusted, kIssuerMissing, kRefused };
  End end = End::kRefused;
  std::string why;  // OpenSSL's words, unless kTrusted
};

// Whether a chain of valid certificates leads from `leaf` to a trust anchor at `now`. `issuers` need no trust: they may
// be parts of the chain. `ca_file`: the anchors, PEM; empty: the system's trust store.
ChainVerdict CheckChain(const Certificate& leaf, std::span<const Certificate> issuers, const std::string& ca_file,
                        Timestamp now);

}  // namespace dunlin
