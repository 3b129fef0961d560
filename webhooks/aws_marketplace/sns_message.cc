#include "webhooks/aws_marketplace/sns_message.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace dunlin {
namespace {

constexpr int kDepthMax = 64;  // nested objects and arrays

enum class Field : std::uint8_t {
  kType,
  kMessageId,
  kTopicArn,
  kSubject,
  kMessage,
  kTimestamp,
  kToken,
  kSubscribeUrl,
  kUnsubscribeUrl,
  kSignatureVersion,
  kSignature,
  kSigningCertUrl,
  kCount,
};

struct Key {
  std::string_view name;
  Field field;
};
constexpr auto kKeys = std::to_array<Key>({
    {"Type", Field::kType},
    {"MessageId", Field::kMessageId},
    {"TopicArn", Field::kTopicArn},
    {"Subject", Field::kSubject},
    {"Message", Field::kMessage},
    {"Timestamp", Field::kTimestamp},
    {"Token", Field::kToken},
    {"SubscribeURL", Field::kSubscribeUrl},
    {"SubscribeUrl", Field::kSubscribeUrl},
    {"UnsubscribeURL", Field::kUnsubscribeUrl},
    {"UnsubscribeUrl", Field::kUnsubscribeUrl},
    {"SignatureVersion", Field::kSignatureVersion},
    {"Signature", Field::kSignature},
    {"SigningCertURL", Field::kSigningCertUrl},
    {"SigningCertUrl", Field::kSigningCertUrl},
});

std::string NameOf(Field field) {
  return std::string(std::ranges::find(kKeys, field, &Key::field)->name);  // every field has a key
}

struct Value {
  enum class Kind : std::uint8_t { kAbsent, kNull, kText, kOther } kind = Kind::kAbsent;
  std::string text;
};

// nlohmann's SAX handler; the names of its functions are the library's.
class MessageHandler {
 public:
  using json = nlohmann::json;

  bool null() { return Keep({Value::Kind::kNull, {}}); }
  bool boolean(bool) { return Keep({Value::Kind::kOther, {}}); }
  bool number_integer(json::number_integer_t) { return Keep({Value::Kind::kOther, {}}); }
  bool number_unsigned(json::number_unsigned_t) { return Keep({Value::Kind::kOther, {}}); }
  bool number_float(json::number_float_t, const json::string_t&) { return Keep({Value::Kind::kOther, {}}); }
  bool string(json::string_t& value) {
    if (!field_) return true;
    return Keep({Value::Kind::kText, std::move(value)});
  }
  bool binary(json::binary_t&) { return true; }  // never in JSON text

  bool start_object(std::size_t) {
    if (depth_ == 0) is_object_ = true;
    return Enter();
  }
  bool start_array(std::size_t) { return Enter(); }
  bool end_object() { return Leave(); }
  bool end_array() { return Leave(); }
  bool key(json::string_t& name) {
    field_.reset();
    if (depth_ != 1) return true;
    const auto* const known = std::ranges::find(kKeys, name, &Key::name);
    if (known == kKeys.end()) return true;
    field_ = known->field;
    if ((*this)[*field_].kind == Value::Kind::kAbsent) return true;
    error_ = NameOf(*field_) + " stands twice";
    return false;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    error_ = "it breaks off or goes wrong at byte " + std::to_string(position);
    return false;
  }

  const std::string& error() const { return error_; }
  bool is_object() const { return is_object_; }
  Value& operator[](Field field) { return values_[static_cast<std::size_t>(field)]; }

 private:
  bool Keep(Value value) {
    if (field_) (*this)[*field_] = std::move(value);
    field_.reset();
    return true;
  }
  bool Enter() {
    Keep({Value::Kind::kOther, {}});  // an object or array where a text was wanted
    if (++depth_ <= kDepthMax) return true;
    error_ = "nested deeper than " + std::to_string(kDepthMax);
    return false;
  }
  bool Leave() {
    --depth_;
    return true;
  }

  std::array<Value, static_cast<std::size_t>(Field::kCount)> values_;
  std::optional<Field> field_;  // where the next value belongs
  int depth_ = 0;
  bool is_object_ = false;
  std::string error_;
};

tl::unexpected<SnsRefusal> Missing(std::string detail) { return Refuse(SnsReason::kMissingKeys, std::move(detail)); }

SnsResult<std::string> TakeText(MessageHandler& read, Field field) {
  Value& value = read[field];
  if (value.kind == Value::Kind::kAbsent) return Missing(NameOf(field) + " is missing");
  if (value.kind != Value::Kind::kText) return Missing(NameOf(field) + " is not a text");
  return std::move(value.text);
}

// One line of printable ASCII: ids, ARNs, times, tokens and URLs.
SnsResult<std::string> TakeWord(MessageHandler& read, Field field, std::size_t bytes_max) {
  SnsResult<std::string> word = TakeText(read, field);
  if (!word) return word;
  const auto printable = [](char c) { return c > ' ' && c <= '~'; };
  if (word->empty() || word->size() > bytes_max || !std::ranges::all_of(*word, printable)) {
    return Missing(NameOf(field) + " is not 1 to " + std::to_string(bytes_max) + " printable characters");
  }
  return word;
}

SnsResult<SnsType> TakeType(MessageHandler& read) {
  const SnsResult<std::string> word = TakeText(read, Field::kType);
  if (!word) return tl::unexpected(word.error());
  for (const SnsType type :
       {SnsType::kNotification, SnsType::kSubscriptionConfirmation, SnsType::kUnsubscribeConfirmation}) {
    if (*word == SnsTypeName(type)) return type;
  }
  return Missing("Type is none of Notification, SubscriptionConfirmation and UnsubscribeConfirmation");
}

SnsResult<std::optional<std::string>> TakeSubject(MessageHandler& read) {
  const Value::Kind kind = read[Field::kSubject].kind;
  if (kind == Value::Kind::kAbsent || kind == Value::Kind::kNull) return std::nullopt;
  SnsResult<std::string> text = TakeText(read, Field::kSubject);
  if (!text) return tl::unexpected(text.error());
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(*text, control)) return Missing("Subject holds a control character");
  return std::optional(*std::move(text));
}

// Moves a taken value into its place, or says what is wrong with it.
template <class T>
bool Put(SnsResult<T> taken, T& into, SnsRefusal& refusal) {
  if (taken) {
    into = *std::move(taken);
  } else {
    refusal = std::move(taken.error());
  }
  return taken.has_value();
}

bool PutCommon(MessageHandler& read, SnsMessage& message, SnsRefusal& refusal) {
  constexpr std::size_t kIdMax = 255;
  constexpr std::size_t kArnMax = 512;
  constexpr std::size_t kTimeMax = 64;
  return Put(TakeType(read), message.type, refusal) &&
         Put(TakeWord(read, Field::kMessageId, kIdMax), message.message_id, refusal) &&
         Put(TakeWord(read, Field::kTopicArn, kArnMax), message.topic_arn, refusal) &&
         Put(TakeSubject(read), message.subject, refusal) &&
         Put(TakeText(read, Field::kMessage), message.message, refusal) &&
         Put(TakeWord(read, Field::kTimestamp, kTimeMax), message.timestamp_text, refusal) &&
         Put(TakeText(read, Field::kSignatureVersion), message.signature_version, refusal) &&
         Put(TakeText(read, Field::kSignature), message.signature, refusal) &&
         Put(TakeText(read, Field::kSigningCertUrl), message.signing_cert_url, refusal);
}

bool PutOfItsType(MessageHandler& read, SnsMessage& message, SnsRefusal& refusal) {
  constexpr std::size_t kTokenMax = 1024;
  constexpr std::size_t kUrlMax = 4096;
  if (message.type == SnsType::kNotification) {
    Value& url = read[Field::kUnsubscribeUrl];
    if (url.kind == Value::Kind::kText) message.unsubscribe_url = std::move(url.text);
    return true;
  }
  return Put(TakeWord(read, Field::kToken, kTokenMax), message.token, refusal) &&
         Put(TakeWord(read, Field::kSubscribeUrl, kUrlMax), message.subscribe_url, refusal);
}

}  // namespace

SnsResult<SnsMessage> ReadSnsMessage(std::string_view body) {
  if (body.size() > kSnsBodyBytesMax) return Refuse(SnsReason::kNotJson, "larger than any message of SNS");
  // The parser takes a NUL byte for the end of the text and would not look at what follows it.
  if (const std::size_t nul = body.find('\0'); nul != std::string_view::npos) {
    return Refuse(SnsReason::kNotJson, "a NUL byte at byte " + std::to_string(nul + 1));
  }
  MessageHandler read;
  if (!nlohmann::json::sax_parse(body.begin(), body.end(), &read)) return Refuse(SnsReason::kNotJson, read.error());
  if (!read.is_object()) return Refuse(SnsReason::kNotJson, "it is not an object");

  SnsMessage message;
  SnsRefusal refusal{};
  if (!PutCommon(read, message, refusal) || !PutOfItsType(read, message, refusal)) return tl::unexpected(refusal);
  const Result<Timestamp> time = ParseRfc3339(message.timestamp_text);
  if (!time) return Missing("Timestamp is not a time as 2026-11-21T10:00:00.000Z");
  message.timestamp = *time;
  return message;
}

}  // namespace dunlin
