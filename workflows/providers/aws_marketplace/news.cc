#include "workflows/providers/aws_marketplace/news.h"

#include <chrono>

namespace dunlin {
namespace {

using Notice = MarketNotice::Kind;
using Kind = MarketplaceKind;

// AWS writes the year 9999 for an agreement without an end.
constexpr Timestamp kNoEnd = std::chrono::sys_days{std::chrono::year{9999} / 1 / 1};

Notice NoticeOf(Kind kind) {
  switch (kind) {
    case Kind::kSubscribeSuccess: return Notice::kSubscribed;
    case Kind::kSubscribeFail: return Notice::kSubscribeFailed;
    case Kind::kUnsubscribePending: return Notice::kUnsubscribePending;
    case Kind::kUnsubscribeSuccess: return Notice::kUnsubscribed;
    case Kind::kAgreementCreated: return Notice::kAgreementCreated;
    case Kind::kAgreementAmended: return Notice::kAgreementAmended;
    case Kind::kAgreementEnded: return Notice::kAgreementEnded;
    case Kind::kLicenceUpdated: return Notice::kLicenceUpdated;
    case Kind::kLicenceDeprovisioned: return Notice::kLicenceDeprovisioned;
    case Kind::kAdvisoryIssued: return Notice::kAdvisoryIssued;
    case Kind::kAdvisoryResolved: return Notice::kAdvisoryResolved;
    case Kind::kCancellationPending: return Notice::kCancellationAsked;
    case Kind::kCancellationApproved:
    case Kind::kCancellationRejected:
    case Kind::kCancellationWithdrawn:
    case Kind::kCancellationInvalid: return Notice::kCancellationClosed;
    case Kind::kUnknown:
    case Kind::kEntitlementUpdated:
    case Kind::kAgreementEnding:
    case Kind::kRenewalTermsFinalized:
    case Kind::kRenewalUpcoming:
    case Kind::kAdjustmentCompleted:
    case Kind::kAdjustmentFailed: return Notice::kNoted;
  }
  return Notice::kNoted;
}

bool AsksEntitlements(Kind kind) {
  return kind == Kind::kEntitlementUpdated || kind == Kind::kLicenceUpdated || kind == Kind::kAgreementCreated ||
         kind == Kind::kAgreementAmended;
}

std::string Agreement(const MarketplaceEvent& e) { return "agreement " + e.agreement.str(); }

std::string Adjustment(const MarketplaceEvent& e) {
  return (e.adjustment ? " of " + FormatMoney(e.adjustment->amount) : std::string()) + " for " + Agreement(e);
}

std::string NoteOf(const MarketplaceEvent& e) {
  switch (e.kind) {
    case Kind::kAgreementCreated:
      return e.previous_agreement.empty()
                 ? "The buyer has made " + Agreement(e) + "."
                 : "The buyer has made " + Agreement(e) + ", which goes on from " + e.previous_agreement.str() + ".";
    case Kind::kAgreementAmended: return "The buyer and the seller have changed " + Agreement(e) + ".";
    case Kind::kAgreementEnded:
      return IsContinued(e.agreement_status) ? "It goes on under a new agreement after " + Agreement(e) + "." : "";
    case Kind::kAdvisoryIssued: return "AWS has issued an advisory on " + Agreement(e) + ".";
    case Kind::kAdvisoryResolved: return "AWS says that the advisory on " + Agreement(e) + " is resolved.";
    case Kind::kAgreementEnding:
      return "AWS says that " + Agreement(e) + " ends" +
             (e.days_before_end ? " in " + std::to_string(*e.days_before_end) + " days." : " soon.");
    case Kind::kRenewalTermsFinalized: return "The terms of renewing " + Agreement(e) + " are final.";
    case Kind::kRenewalUpcoming: return "AWS is about to renew " + Agreement(e) + ".";
    case Kind::kCancellationPending:
      return "It was asked to cancel " + Agreement(e) + "; AWS approves that by itself after 7 days.";
    case Kind::kCancellationApproved: return "The cancellation of " + Agreement(e) + " is approved.";
    case Kind::kCancellationRejected: return "The cancellation of " + Agreement(e) + " is rejected.";
    case Kind::kCancellationWithdrawn: return "The request to cancel " + Agreement(e) + " is withdrawn.";
    case Kind::kCancellationInvalid: return "The request to cancel " + Agreement(e) + " did not pass AWS's checks.";
    case Kind::kAdjustmentCompleted: return "AWS has made an adjustment" + Adjustment(e) + ".";
    case Kind::kAdjustmentFailed: return "AWS could not make an adjustment" + Adjustment(e) + ".";
    // What these say shows in the status, or only leads to a question.
    case Kind::kUnknown:
    case Kind::kSubscribeSuccess:
    case Kind::kSubscribeFail:
    case Kind::kUnsubscribePending:
    case Kind::kUnsubscribeSuccess:
    case Kind::kEntitlementUpdated:
    case Kind::kLicenceUpdated:
    case Kind::kLicenceDeprovisioned: return "";
  }
  return "";
}

}  // namespace

std::optional<MarketNews> NewsOf(const MarketplaceEvent& event) {
  if (event.kind == Kind::kUnknown) return std::nullopt;
  MarketNotice notice;
  notice.kind = NoticeOf(event.kind);
  notice.source = event.id;
  notice.at = event.time;
  notice.product = event.product;
  notice.customer = event.customer;
  notice.account = event.account;
  notice.licence = event.licence;
  notice.agreement = event.agreement;
  notice.previous_agreement = event.previous_agreement;
  notice.agreement_status = event.agreement_status;
  notice.offer = event.offer;
  notice.free_trial = event.free_trial;
  notice.starts_at = event.starts_at;
  if (event.ends_at && *event.ends_at < kNoEnd) notice.ends_at = event.ends_at;
  MarketNews news;
  news.facts.notices.push_back(std::move(notice));
  news.ask_entitlements = AsksEntitlements(event.kind);
  news.note = NoteOf(event);
  return news;
}

}  // namespace dunlin
