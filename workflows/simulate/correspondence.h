// Judges what customers and the product are told: bad news soon, no news twice, and in the end what is true (R3a, R4).
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "workflows/simulate/unreliable_ledger.h"
#include "workflows/simulate/world.h"

namespace dunlin::simulate {

// `broken` is told each break. Both must outlive this.
class Correspondence {
 public:
  using Break = std::function<void(std::string)>;
  Correspondence(const World& world, Break broken) : world_(world), break_(std::move(broken)) {}

  void OnCommitted(const Committed& committed);
  // A mail or a notification that left. One that is sent again after a crash has the same job, and counts once.
  void OnMessage(JobId job, const nlohmann::json& content);

  // R3a: no failed payment stands untold for half a day. Trouble with queue, ledger and outbox is over sooner.
  void CheckUntold();
  // R4: each return to active, and each end, was told once; no two notifications carry one version, and the last one,
  // by version and by delivery, says how the subscription stands.
  void CheckEnd(const Subscription& subscription, const std::vector<TimelineRow>& timeline);

  // How many messages of a template ("payment_failed") about an invoice a subscription's customer got.
  int Mails(const SubscriptionId& subscription, const std::string& kind, const InvoiceId& invoice) const;

 private:
  struct Owing {  // the invoice that a recovery collects
    InvoiceId invoice;
    int declined = 0;                // attempts of ours on it
    std::optional<Timestamp> since;  // a failed payment is untold
  };
  struct News {
    std::int64_t version = 0;
    std::string status, access;
  };
  void Follow(const Committed::Saved& saved);
  int Mails(const SubscriptionId& subscription, const std::string& kind) const;  // about whichever
  void CheckNews(const Subscription& subscription, bool changed);

  const World& world_;
  const Break break_;
  std::map<SubscriptionId, Owing> owing_;
  std::map<SubscriptionId, RecoveryState> recoveries_;
  std::map<SubscriptionId, int> ended_;  // by us
  std::map<AttemptKey, InvoiceId> declined_;
  std::set<std::pair<SubscriptionId, InvoiceId>> told_;  // of a failure
  std::map<std::pair<SubscriptionId, std::string>, std::map<InvoiceId, std::set<JobId>>> mails_;
  std::map<SubscriptionId, std::vector<News>> news_;  // in the order of delivery
  std::set<JobId> delivered_;
};

}  // namespace dunlin::simulate
