// The doors for AWS Marketplace's notifications: prove who sent it, read the envelope, commit, and only then say yes
// (I1, I2).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/clock.h"
#include "state/ledger.h"
#include "webhooks/aws_marketplace/certificates.h"
#include "webhooks/aws_marketplace/eventbridge_secret.h"
#include "webhooks/aws_marketplace/sns_confirm.h"
#include "webhooks/aws_marketplace/sns_verify.h"
#include "webhooks/http/message.h"
#include "webhooks/http/responder.h"

namespace dunlin {

class MarketplaceIngest {
 public:
  struct Options {
    SnsVerifyOptions sns;
    SnsConfirmOptions confirm;
    std::string eventbridge_header{kEventBridgeHeaderDefault};
    std::vector<std::string> eventbridge_secrets;
    // Counts a request without a good secret, by HttpRequest::peer; set: there were too many, and how long to wait.
    std::function<std::optional<std::chrono::seconds>(std::string_view peer)> too_many;
    // Only with a simulated clock: asks for the time anew, for a leap that was not noticed yet.
    std::function<Timestamp()> ask_time;
    // One word for each request: "stored", "duplicate", "unavailable", "raw_delivery", "not_json", "not_event",
    // "too_many", or the reason of sns_refusal.h or eventbridge_secret.h. `door` is the end of the route:
    // "aws-marketplace" or "aws-eventbridge".
    std::function<void(std::string_view door, std::string_view verdict, std::chrono::nanoseconds took)> on_verdict;
  };
  // All must outlive this.
  MarketplaceIngest(Ledger& ledger, const Clock& clock, CertificateSource& certificates, Options options)
      : ledger_(ledger), clock_(clock), certificates_(certificates), options_(std::move(options)) {}

  // POST /webhooks/aws-marketplace, for Amazon SNS. 200: durable, or was already. 400: refused, nothing stored; SNS
  // does not send it again. 503: nothing was promised, and SNS does. May wait for the certificate, not for the commit:
  // the thread that commits answers. This must outlive the answer.
  void HandleSns(const HttpRequest& request, const HttpResponder& responder);

  // POST /webhooks/aws-eventbridge, for an API destination. The same, but 401 for a secret that is not ours, and 429
  // where too many came from one address; EventBridge tries both again for a day. A good secret always passes.
  void HandleEventBridge(const HttpRequest& request, const HttpResponder& responder);

  // Confirms the topic of a SubscriptionConfirmation that HandleSns stored. Gives the subscription's ARN. Blocks for as
  // long as ConfirmSubscription. Errors: those of ConfirmSubscription, and kInvalidArgument for a topic that is not
  // ours any more.
  Result<std::string> ConfirmTopic(std::string_view stored_body);

 private:
  using Answer = std::function<void(std::string_view verdict, HttpResponse response)>;

  Answer AnswerTo(std::string_view door, const HttpResponder& responder) const;
  SnsResult<SnsMessage> Verify(std::string_view body);
  void Store(NewEvent event, const Answer& answer);

  Ledger& ledger_;
  const Clock& clock_;
  CertificateSource& certificates_;
  const Options options_;
};

}  // namespace dunlin
