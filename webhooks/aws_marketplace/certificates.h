// Where the certificates of Amazon SNS come from.
#pragma once

#include <string>
#include <utility>

#include "state/result.h"
#include "webhooks/aws_marketplace/certificate.h"

namespace dunlin {

// Thread-safe.
class CertificateSource {
 public:
  virtual ~CertificateSource() = default;

  // The certificate at a URL that CheckSigningCertUrl let pass. May block, no longer than the implementation says.
  // Errors: kUnavailable (none is to be had now; later there may be), kUnauthenticated (what is there is not a
  // certificate of SNS that holds now). Neither proves that a message is forged.
  virtual Result<Certificate> At(const std::string& url) = 0;
};

// Certificates in a folder, each in a file named as its URL ends (SimpleNotificationService-….pem): for machines
// without internet, and for tests. Who put them there vouches for them: neither dates nor issuer are checked. A file is
// read whenever it is asked for, so new ones need no restart.
class PinnedCertificates final : public CertificateSource {
 public:
  explicit PinnedCertificates(std::string folder) : folder_(std::move(folder)) {}
  Result<Certificate> At(const std::string& url) override;

 private:
  const std::string folder_;
};

}  // namespace dunlin
