// What Amazon SNS posts, read from the bytes as they were sent (text/plain, whatever they hold). Reading says nothing
// of who sent it: see sns_verify.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "state/time.h"
#include "webhooks/aws_marketplace/sns_refusal.h"

namespace dunlin {

enum class SnsType : std::uint8_t { kNotification, kSubscriptionConfirmation, kUnsubscribeConfirmation };

// The wire's word, which is signed.
constexpr std::string_view SnsTypeName(SnsType type) {
  switch (type) {
    case SnsType::kNotification: return "Notification";
    case SnsType::kSubscriptionConfirmation: return "SubscriptionConfirmation";
    case SnsType::kUnsubscribeConfirmation: return "UnsubscribeConfirmation";
  }
  return "unknown";
}

// All texts are unescaped UTF-8.
struct SnsMessage {
  SnsType type = SnsType::kNotification;
  std::string message_id;              // the same whenever SNS sends it again; 1 to 255 printable ASCII characters
  std::string topic_arn;               // 1 to 512 printable ASCII characters
  std::optional<std::string> subject;  // nullopt when absent or null; "" is a subject
  std::string message;
  std::string timestamp_text;  // as signed
  Timestamp timestamp;
  std::string token;              // confirmations only
  std::string subscribe_url;      // confirmations only
  std::string unsubscribe_url;    // Notifications; not signed, so never to be followed
  std::string signature_version;  // any text
  std::string signature;          // any text; should be base64
  std::string signing_cert_url;   // any text
};

inline constexpr std::size_t kSnsBodyBytesMax = 1024 * 1024;  // four times what SNS delivers

// The whole text must be one JSON object. Headers are not looked at: they are not signed. Other keys are passed over.
//   - SubscribeURL, UnsubscribeURL and SigningCertURL may end in "Url", as in messages handed on by Lambda.
//   - A key that counts must stand once, in one of its spellings: a reader that takes the first of two and a reader
//     that takes the last would see two messages under one signature.
//   - No signed value but Message may hold a control character. The signed text separates values by line ends: without
//     this rule "id\nSubject\nx" as the MessageId would pass for a message with that subject, under a new id.
// Refusals: kNotJson, kMissingKeys.
SnsResult<SnsMessage> ReadSnsMessage(std::string_view body);

}  // namespace dunlin
