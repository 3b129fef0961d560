#include "webhooks/aws_marketplace/cached_certificates.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace dunlin {

using SteadyClock = std::chrono::steady_clock;

std::optional<Result<Certificate>> CachedCertificates::Known(const std::string& url) {
  if (const auto kept = kept_.find(url); kept != kept_.end()) {
    if (clock_.Now() <= kept->second.certificate.not_after()) {
      kept->second.used = ++uses_;
      return kept->second.certificate;
    }
    kept_.erase(kept);
  }
  if (const auto failed = failed_.find(url); failed != failed_.end()) {
    if (SteadyClock::now() < failed->second.until) return tl::unexpected(failed->second.error);
    failed_.erase(failed);
  }
  return std::nullopt;
}

void CachedCertificates::RememberFailure(const std::string& url, const Error& error) {
  if (failed_.size() >= options_.failures_max) {
    failed_.erase(std::ranges::min_element(failed_, {}, [](const auto& entry) { return entry.second.until; }));
  }
  failed_.emplace(url, Failed{error, SteadyClock::now() + options_.failure_kept});
}

void CachedCertificates::Remember(const std::string& url, const Result<Certificate>& answer) {
  if (!answer) return RememberFailure(url, answer.error());
  if (kept_.size() >= options_.certificates_max) {
    kept_.erase(std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.used; }));
  }
  kept_.emplace(url, Kept{*answer, ++uses_});
}

Result<Certificate> CachedCertificates::At(const std::string& url) {
  std::unique_lock lock(mutex_);
  if (std::optional<Result<Certificate>> known = Known(url)) return *std::move(known);
  if (const auto running = questions_.find(url); running != questions_.end()) {
    const std::shared_ptr<Question> question = running->second;
    question->answered.wait(lock, [&] { return question->answer.has_value(); });
    return *question->answer;
  }
  if (questions_.size() >= options_.questions_max) {
    return Fail(Errc::kUnavailable, "too many certificates are being fetched already");
  }
  const auto question = std::make_shared<Question>();
  questions_.emplace(url, question);
  lock.unlock();
  Result<Certificate> answer = source_.At(url);
  lock.lock();
  Remember(url, answer);
  questions_.erase(url);
  question->answer = answer;
  question->answered.notify_all();
  return answer;
}

}  // namespace dunlin
