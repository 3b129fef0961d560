// Writes and signs messages as Amazon SNS does. Shares no code with what verifies them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/test_ca.h"

namespace dunlin::testing {

inline constexpr const char* kTopic = "arn:aws:sns:us-east-1:287250355862:aws-mp-subscription-notification-n0123";
inline constexpr const char* kCertUrl =
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem";
inline constexpr const char* kSentAt = "2026-11-21T10:00:00.000Z";

// Unsigned.
nlohmann::json SnsNotification();
nlohmann::json SnsConfirmation(const std::string& type = "SubscriptionConfirmation");

// What SNS signs of the message.
std::string SnsSignedText(const nlohmann::json& message);

// The message with SignatureVersion and Signature.
nlohmann::json SnsSigned(nlohmann::json message, const KeyPair& key, const std::string& version = "2");

std::string Base64(const std::string& bytes);

}  // namespace dunlin::testing
