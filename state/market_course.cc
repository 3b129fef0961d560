#include "state/market_course.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "state/licence.h"

namespace dunlin {
namespace {

using Kind = MarketNotice::Kind;
using Notice = const MarketNotice*;  // nullptr: there is none

Notice Later(Notice a, Notice b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return ComesBefore(*a, *b) ? b : a;
}
Notice Earlier(Notice a, Notice b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return ComesBefore(*a, *b) ? a : b;
}

// Which agreements followed which, and how each ended.
class Agreements {
 public:
  explicit Agreements(const MarketFacts& facts) {
    for (const MarketNotice& n : facts.notices) {
      if (!n.previous_agreement.empty()) next_[n.previous_agreement].insert(n.agreement);
      if (n.kind == Kind::kAgreementEnded) ended_[n.agreement] = Later(ended_[n.agreement], &n);
      if (!n.licence.empty()) licensed_.insert(n.agreement);
    }
  }

  // Renewed or replaced, whether or not it is known by what.
  bool IsContinued(const AgreementId& id) const {
    const auto ended = ended_.find(id);
    return next_.contains(id) || (ended != ended_.end() && dunlin::IsContinued(ended->second->agreement_status));
  }

  // The notice that ended the last of those that the agreement went on as; nullptr while any of them runs.
  Notice EndOf(const AgreementId& id) const {
    Notice end = nullptr;
    for (const AgreementId& last : LastOf(id)) {
      if (!HasEnded(last)) return nullptr;
      end = Later(end, ended_.at(last));
    }
    return end;
  }

  // It goes on as another, of which no licence was seen yet.
  bool AwaitsLicence(const AgreementId& id) const {
    if (!IsContinued(id)) return false;
    const std::vector<AgreementId> last = LastOf(id);
    return std::any_of(last.begin(), last.end(), [&](const AgreementId& at) {
      return !HasEnded(at) && (IsContinued(at) || !licensed_.contains(at));
    });
  }

 private:
  // For good, not renewed or replaced.
  bool HasEnded(const AgreementId& id) const {
    const auto ended = ended_.find(id);
    return ended != ended_.end() && !dunlin::IsContinued(ended->second->agreement_status);
  }

  // The last ones that the agreement went on as; itself, if it is not known to have gone on.
  std::vector<AgreementId> LastOf(const AgreementId& id) const {
    std::set<AgreementId> seen;
    std::vector<AgreementId> open = {id}, last;
    while (!open.empty()) {
      const AgreementId at = open.back();
      open.pop_back();
      if (!seen.insert(at).second) continue;
      const auto next = next_.find(at);
      if (next == next_.end()) {
        last.push_back(at);
      } else {
        open.insert(open.end(), next->second.begin(), next->second.end());
      }
    }
    return last;
  }

  std::map<AgreementId, std::set<AgreementId>> next_;
  std::map<AgreementId, Notice> ended_;
  std::set<AgreementId> licensed_;  // those that a notice about a licence names
};

class CourseFinder {
 public:
  explicit CourseFinder(const MarketFacts& facts) : facts_(facts), agreements_(facts) {}

  MarketCourse Find() {
    for (const MarketNotice& n : facts_.notices) Take(n);
    JudgeLicences();
    MarketCourse course;
    course.awaits_licence = awaits_licence_;
    course.failed = failed_;
    course.begun = Later(subscribed_, updated_);
    const Notice over = Later(unsubscribed_, all_deprovisioned_);
    if (over != nullptr && (course.begun == nullptr || over->at >= course.begun->at)) {
      course.ended = over;
      return course;
    }
    course.ends = Earlier(Unless(course.begun, pending_), Unless(subscribed_, agreement_ended_));
    course.runs = course.begun != nullptr || course.ends != nullptr;
    if (course.runs) course.unlicensed = unlicensed_;
    return course;
  }

 private:
  void Take(const MarketNotice& n) {
    switch (n.kind) {
      case Kind::kSubscribed: subscribed_ = Later(subscribed_, &n); break;
      case Kind::kSubscribeFailed: failed_ = Later(failed_, &n); break;
      case Kind::kUnsubscribePending: pending_ = Later(pending_, &n); break;
      case Kind::kUnsubscribed: unsubscribed_ = Later(unsubscribed_, &n); break;
      case Kind::kLicenceUpdated: updated_ = Later(updated_, &n); [[fallthrough]];
      case Kind::kLicenceDeprovisioned:
        if (const auto id = LicenceIdOf(n.licence)) licences_[*id] = Later(licences_[*id], &n);
        break;
      case Kind::kNoted:
      case Kind::kAgreementCreated:
      case Kind::kAgreementAmended:
      case Kind::kAgreementEnded:
      case Kind::kAdvisoryIssued:
      case Kind::kAdvisoryResolved:
      case Kind::kCancellationAsked:
      case Kind::kCancellationClosed:
      case Kind::kEntitled: break;
    }
  }

  // A licence that went because its agreement was renewed or replaced is no end: until another one is there.
  void JudgeLicences() {
    bool any_runs = false, any_up = false;
    Notice agreements_end = nullptr, last_down = nullptr, last_awaited = nullptr;
    for (const auto& [id, newest] : licences_) {
      const Notice end = agreements_.EndOf(newest->agreement);
      const bool down = newest->kind == Kind::kLicenceDeprovisioned;
      const bool awaited = agreements_.AwaitsLicence(newest->agreement);
      awaits_licence_ = awaits_licence_ || awaited;
      any_up = any_up || !down;
      if (down && awaited) last_awaited = Later(last_awaited, newest);
      if (!down || awaited) {
        any_runs = true;
        if (end == nullptr) some_agreement_runs_ = true;
        agreements_end = Later(agreements_end, end);
      } else {
        const bool continued = agreements_.IsContinued(newest->agreement);
        last_down = Later(last_down, continued ? Later(newest, end) : newest);
      }
    }
    if (!any_up) unlicensed_ = last_awaited;
    if (!any_runs) all_deprovisioned_ = last_down;
    if (!some_agreement_runs_) agreement_ended_ = agreements_end;
  }

  // `notice`, unless `undoes` came after it.
  static Notice Unless(Notice undoes, Notice notice) {
    return notice != nullptr && undoes != nullptr && undoes->at > notice->at ? nullptr : notice;
  }

  const MarketFacts& facts_;
  const Agreements agreements_;
  std::map<LicenceId, Notice> licences_;  // the newest of each
  Notice subscribed_ = nullptr, failed_ = nullptr, pending_ = nullptr, unsubscribed_ = nullptr, updated_ = nullptr;
  Notice unlicensed_ = nullptr;
  Notice all_deprovisioned_ = nullptr;  // no licence runs
  Notice agreement_ended_ = nullptr;    // licences run, and the agreements of all have ended
  bool some_agreement_runs_ = false, awaits_licence_ = false;
};

}  // namespace

bool ComesBefore(const MarketNotice& a, const MarketNotice& b) {
  return std::tie(a.at, a.kind, a.source) < std::tie(b.at, b.kind, b.source);
}

MarketCourse CourseOf(const MarketFacts& facts) { return CourseFinder(facts).Find(); }

}  // namespace dunlin
