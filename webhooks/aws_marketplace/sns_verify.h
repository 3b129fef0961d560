// Whether Amazon SNS sent this, to us.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "webhooks/aws_marketplace/certificates.h"
#include "webhooks/aws_marketplace/sns_message.h"

namespace dunlin {

// SNS gives up on a message within the hour, so an older confirmation is a replay.
inline constexpr Millis kConfirmationAgeMax{1h};
inline constexpr Millis kConfirmationLeadMax{5min};  // how far ahead the sender's clock may be

struct SnsVerifyOptions {
  // The topics that are ours, exact; empty: none is. nullopt: any, for looking at a message by hand only.
  std::optional<std::vector<std::string>> topics = std::vector<std::string>{};
  std::vector<std::string> more_hosts;  // see sns_url.h
};

//   raw_body      exactly the bytes received
//   certificates  is asked only for a message that nothing else is wrong with
// A Notification may be of any age: its MessageId tells a repeat, and what is refused never comes again. A confirmation
// is taken from an hour after its Timestamp, to the millisecond, back to five minutes before it. A
// SubscriptionConfirmation whose SubscribeURL would do anything but confirm its own topic at SNS is refused with its
// topic. Thread-safe.
SnsResult<SnsMessage> VerifySnsMessage(std::string_view raw_body, Timestamp now, const SnsVerifyOptions& options,
                                       CertificateSource& certificates);

}  // namespace dunlin
