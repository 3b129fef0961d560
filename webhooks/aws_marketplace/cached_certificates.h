#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "state/clock.h"
#include "webhooks/aws_marketplace/certificates.h"

namespace dunlin {

// Keeps what another source gave, by URL, so that nobody can make us ask over and over:
//   - a certificate is kept until it expires; the least recently used one makes room for the next
//   - a failure is kept for a few seconds and then looked at anew; failures never push a certificate out
//   - any number of threads that want one URL cause one question, and wait for its answer
//   - at most `questions_max` run at once; a further URL fails at once as kUnavailable
class CachedCertificates final : public CertificateSource {
 public:
  struct Options {
    std::size_t certificates_max = 16;
    std::size_t failures_max = 64;
    std::size_t questions_max = 4;
    Millis failure_kept{5s};
  };
  // Both must outlive this. `clock` judges when a kept certificate has expired.
  CachedCertificates(CertificateSource& source, const Clock& clock, Options options)
      : source_(source), clock_(clock), options_(options) {}

  Result<Certificate> At(const std::string& url) override;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Kept {
    Certificate certificate;
    std::uint64_t used = 0;  // the higher, the later
  };
  struct Failed {
    Error error;
    SteadyTime until;
  };
  struct Question {
    std::condition_variable answered;
    std::optional<Result<Certificate>> answer;  // nullopt while it runs
  };

  // All with mutex_ held.
  std::optional<Result<Certificate>> Known(const std::string& url);
  void Remember(const std::string& url, const Result<Certificate>& answer);
  void RememberFailure(const std::string& url, const Error& error);

  CertificateSource& source_;
  const Clock& clock_;
  const Options options_;
  std::mutex mutex_;  // guards all below
  std::map<std::string, Kept> kept_;
  std::map<std::string, Failed> failed_;
  std::map<std::string, std::shared_ptr<Question>> questions_;
  std::uint64_t uses_ = 0;
};

}  // namespace dunlin
