// Saying yes to a topic: the GET of a confirmation's SubscribeURL.
#pragma once

#include <string>
#include <vector>

#include "state/result.h"
#include "webhooks/aws_marketplace/http_get.h"
#include "webhooks/aws_marketplace/sns_message.h"

namespace dunlin {

struct SnsConfirmOptions {
  // "http://ADDRESS:PORT": where a simulator takes SNS's requests, instead of the SubscribeURL's scheme and host. The
  // URL is judged as it stands all the same. Empty: SNS itself.
  std::string endpoint;
  std::vector<std::string> more_hosts;  // see sns_url.h
  std::string ca_file;                  // see HttpGetOptions, and so connect_to
  std::vector<std::string> connect_to;
  Millis timeout{10s};
};

// Asks once, and only for a verified SubscriptionConfirmation (sns_verify.h); an UnsubscribeConfirmation carries a
// SubscribeURL too, and following it would subscribe again. Gives the subscription's ARN. Asking again gives the same
// one as long as the token lives. Blocks for at most `timeout`. Thread-safe.
// Errors: kInvalidArgument (another type, a URL that CheckSubscribeUrl refuses, or SNS refused it: the token has
// expired), kUnavailable (SNS did not answer, or not with the ARN of a subscription to that topic: ask again).
Result<std::string> ConfirmSubscription(const SnsMessage& verified, const SnsConfirmOptions& options);

}  // namespace dunlin
