#include "webhooks/aws_marketplace/sns_verify.h"

#include <algorithm>

#include "webhooks/aws_marketplace/sns_signature.h"
#include "webhooks/aws_marketplace/sns_url.h"

namespace dunlin {
namespace {

using Refused = std::optional<SnsRefusal>;

Refused CheckTopic(const SnsMessage& message, const SnsVerifyOptions& options) {
  if (options.topics && std::ranges::find(*options.topics, message.topic_arn) == options.topics->end()) {
    return SnsRefusal{SnsReason::kTopicRefused, "TopicArn is not on the list: " + message.topic_arn};
  }
  if (message.type != SnsType::kSubscriptionConfirmation) return std::nullopt;
  const Status url = CheckSubscribeUrl(message, options.more_hosts);
  if (!url) return SnsRefusal{SnsReason::kTopicRefused, url.error().detail};
  return std::nullopt;
}

Refused CheckAge(const SnsMessage& message, Timestamp now) {
  if (message.type == SnsType::kNotification) return std::nullopt;
  if (message.timestamp >= now - kConfirmationAgeMax && message.timestamp <= now + kConfirmationLeadMax) {
    return std::nullopt;
  }
  return SnsRefusal{SnsReason::kConfirmationTooOld,
                    "Timestamp " + message.timestamp_text + " is not within the hour before " + FormatRfc3339(now)};
}

// All that can be judged without the certificate.
Refused CheckUnsigned(const SnsMessage& message, Timestamp now, const SnsVerifyOptions& options) {
  if (!SnsHashFunction(message.signature_version)) {
    return SnsRefusal{SnsReason::kUnsupportedSignatureVersion, "SignatureVersion is neither \"1\" nor \"2\""};
  }
  if (const Status url = CheckSigningCertUrl(message.signing_cert_url, options.more_hosts); !url) {
    return SnsRefusal{SnsReason::kCertUrlRefused, url.error().detail};
  }
  if (Refused topic = CheckTopic(message, options)) return topic;
  return CheckAge(message, now);
}

}  // namespace

SnsResult<SnsMessage> VerifySnsMessage(std::string_view raw_body, Timestamp now, const SnsVerifyOptions& options,
                                       CertificateSource& certificates) {
  SnsResult<SnsMessage> message = ReadSnsMessage(raw_body);
  if (!message) return message;
  if (Refused refused = CheckUnsigned(*message, now, options)) return tl::unexpected(*std::move(refused));
  const Result<Certificate> certificate = certificates.At(message->signing_cert_url);
  if (!certificate) return Refuse(SnsReason::kCertUnavailable, certificate.error().detail);
  if (!IsSignedBy(*certificate, *message)) {
    return Refuse(SnsReason::kSignatureMismatch, "Signature is not what the certificate's key makes of this message");
  }
  return message;
}

}  // namespace dunlin
