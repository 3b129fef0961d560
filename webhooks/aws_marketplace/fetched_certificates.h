#pragma once

#include <string>
#include <vector>

#include "state/clock.h"
#include "webhooks/aws_marketplace/certificates.h"
#include "webhooks/aws_marketplace/http_get.h"

namespace dunlin {

// Fetches certificates from SNS anew at each call; CachedCertificates keeps them. One is taken if it came over https
// from the URL's host, was issued for SNS (SigningCertNames), holds now, and a chain of valid certificates leads from
// it to a trust anchor. SNS serves the certificate alone, so a missing issuer is fetched from where the certificate
// says it is (over http, as is usual: the chain vouches for it), twice at most. Nothing over 16 KiB is read; all
// requests of one call together take no longer than `timeout`.
class FetchedCertificates final : public CertificateSource {
 public:
  struct Options {
    std::string ca_file;                  // trust anchors, PEM; empty: the system's trust store
    std::vector<std::string> connect_to;  // see HttpGetOptions
    Millis timeout{5s};
  };
  // `clock` judges the certificates' dates; it must outlive this.
  FetchedCertificates(const Clock& clock, Options options) : clock_(clock), options_(std::move(options)) {}

  Result<Certificate> At(const std::string& url) override;

 private:
  const Clock& clock_;
  const Options options_;
};

}  // namespace dunlin
