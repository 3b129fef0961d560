// The signature of a message of Amazon SNS. Pure: whose certificate it is was settled before.
#pragma once

#include <optional>
#include <string>

#include "webhooks/aws_marketplace/certificate.h"
#include "webhooks/aws_marketplace/sns_message.h"

namespace dunlin {

// SignatureVersion "1" signs with SHA-1 and "2" with SHA-256; nullopt for anything else.
std::optional<HashFunction> SnsHashFunction(std::string_view signature_version);

// The bytes that SNS signs: for each key that counts, sorted, "Key\nvalue\n" with the value unescaped. A Notification
// signs Message, MessageId, Subject (if there is one), Timestamp, TopicArn and Type; both confirmations sign
// SubscribeURL and Token instead of Subject. Keys are spelled as here however the message spells them.
std::string SnsStringToSign(const SnsMessage& message);

// Whether the certificate's key made the message's signature. False as well when the signature is not strict base64 or
// the version is not known.
bool IsSignedBy(const Certificate& certificate, const SnsMessage& message);

}  // namespace dunlin
