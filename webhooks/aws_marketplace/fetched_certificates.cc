#include "webhooks/aws_marketplace/fetched_certificates.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "webhooks/aws_marketplace/sns_url.h"

namespace dunlin {
namespace {

using SteadyClock = std::chrono::steady_clock;

tl::unexpected<Error> NotOfSns(std::string why) { return Fail(Errc::kUnauthenticated, std::move(why)); }

// Each request of a call gets what the ones before it left of the time.
class Fetcher {
 public:
  Fetcher(const FetchedCertificates::Options& options) : end_(SteadyClock::now() + options.timeout) {
    get_.ca_file = options.ca_file;
    get_.connect_to = options.connect_to;
    get_.bytes_max = std::size_t{16} * 1024;
  }

  Result<std::vector<Certificate>> Fetch(const std::string& url, bool plain_http) {
    get_.plain_http = plain_http;
    get_.timeout = std::chrono::ceil<Millis>(end_ - SteadyClock::now());
    const Result<std::string> bytes = HttpGet(url, get_);
    // Any answer without a certificate may be another one later: SNS is not to blame for a proxy or a 404 in between.
    if (!bytes) return Fail(Errc::kUnavailable, bytes.error().detail);
    Result<std::vector<Certificate>> read = ReadCertificates(*bytes);
    if (!read) return NotOfSns(read.error().detail);
    return read;
  }

 private:
  HttpGetOptions get_;
  const SteadyClock::time_point end_;
};

}  // namespace

Result<Certificate> FetchedCertificates::At(const std::string& url) {
  constexpr int kIssuersMax = 2;
  Fetcher fetcher(options_);
  Result<std::vector<Certificate>> chain = fetcher.Fetch(url, false);
  if (!chain) return Fail(chain.error().code, "the certificate: " + chain.error().detail);
  const Certificate leaf = chain->front();
  const std::vector<std::string> names = SigningCertNames(url);
  if (std::ranges::none_of(names, [&](const std::string& name) { return leaf.IssuedFor(name); })) {
    return NotOfSns("the certificate was not issued for " + names.front());
  }
  const Timestamp now = clock_.Now();
  if (!leaf.ValidAt(now)) return NotOfSns("the certificate does not hold at " + FormatRfc3339(now));

  ChainVerdict verdict = CheckChain(leaf, *chain, options_.ca_file, now);
  for (int i = 0; i < kIssuersMax && verdict.end == ChainVerdict::End::kIssuerMissing; ++i) {
    const std::string issuer_url = chain->back().issuer_url();
    if (issuer_url.empty()) break;
    const Result<std::vector<Certificate>> issuer = fetcher.Fetch(issuer_url, true);
    if (!issuer) return Fail(issuer.error().code, "the certificate's issuer: " + issuer.error().detail);
    chain->push_back(issuer->front());
    verdict = CheckChain(leaf, *chain, options_.ca_file, now);
  }
  if (verdict.end != ChainVerdict::End::kTrusted) return NotOfSns("the certificate's chain: " + verdict.why);
  return leaf;
}

}  // namespace dunlin
