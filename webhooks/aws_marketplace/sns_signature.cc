#include "webhooks/aws_marketplace/sns_signature.h"

#include <openssl/evp.h>

#include <algorithm>

namespace dunlin {
namespace {

void AppendPair(std::string& out, std::string_view key, std::string_view value) {
  out += key;
  out += '\n';
  out += value;
  out += '\n';
}

bool IsBase64Digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// Strict: no blanks or line ends, padded, at most what the largest key makes.
std::optional<std::string> DecodeBase64(std::string_view text) {
  constexpr std::size_t kTextMax = 4096;
  if (text.empty() || text.size() % 4 != 0 || text.size() > kTextMax) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  if (!std::ranges::all_of(text.substr(0, text.size() - padding), IsBase64Digit)) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

}  // namespace

std::optional<HashFunction> SnsHashFunction(std::string_view signature_version) {
  if (signature_version == "1") return HashFunction::kSha1;
  if (signature_version == "2") return HashFunction::kSha256;
  return std::nullopt;
}

std::string SnsStringToSign(const SnsMessage& message) {
  const bool notification = message.type == SnsType::kNotification;
  std::string out;
  AppendPair(out, "Message", message.message);
  AppendPair(out, "MessageId", message.message_id);
  if (notification && message.subject) AppendPair(out, "Subject", *message.subject);
  if (!notification) AppendPair(out, "SubscribeURL", message.subscribe_url);
  AppendPair(out, "Timestamp", message.timestamp_text);
  if (!notification) AppendPair(out, "Token", message.token);
  AppendPair(out, "TopicArn", message.topic_arn);
  AppendPair(out, "Type", SnsTypeName(message.type));
  return out;
}

bool IsSignedBy(const Certificate& certificate, const SnsMessage& message) {
  const std::optional<HashFunction> hash = SnsHashFunction(message.signature_version);
  const std::optional<std::string> signature = DecodeBase64(message.signature);
  return hash && signature && certificate.HasSigned(SnsStringToSign(message), *signature, *hash);
}

}  // namespace dunlin
