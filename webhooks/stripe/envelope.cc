#include "webhooks/stripe/envelope.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

namespace dunlin {
namespace {

constexpr std::int64_t kLatestTime = 253402300799;  // the last second of the year 9999
constexpr std::size_t kNameSizeMax = 255;           // ids and types; the provider promises as much for its ids

// The objects on the way to the fields we read. Everything else is kOther.
enum class Place : std::uint8_t { kOther, kRoot, kData, kObject, kParent, kSubscriptionDetails, kRelated };

enum class Field : std::uint8_t {
  kNone,
  kId,
  kKind,  // the root's "object"
  kType,
  kCreated,
  kLivemode,
  kObjectId,
  kObjectKind,
  kCustomer,
  kSubscription,
  kParentSubscription,
  kRelatedId,
  kRelatedType,
  kCount,
};

// What a key means in the place where it stands: a value to keep, or the way to a deeper place.
struct Step {
  Place in;
  std::string_view key;
  Field field;
  Place to;
};
// clang-format off
constexpr auto kSteps = std::to_array<Step>({
    {Place::kRoot,                "id",                   Field::kId,                 Place::kOther},
    {Place::kRoot,                "object",               Field::kKind,               Place::kOther},
    {Place::kRoot,                "type",                 Field::kType,               Place::kOther},
    {Place::kRoot,                "created",              Field::kCreated,            Place::kOther},
    {Place::kRoot,                "livemode",             Field::kLivemode,           Place::kOther},
    {Place::kRoot,                "data",                 Field::kNone,               Place::kData},
    {Place::kRoot,                "related_object",       Field::kNone,               Place::kRelated},
    {Place::kData,                "object",               Field::kNone,               Place::kObject},
    {Place::kObject,              "id",                   Field::kObjectId,           Place::kOther},
    {Place::kObject,              "object",               Field::kObjectKind,         Place::kOther},
    {Place::kObject,              "customer",             Field::kCustomer,           Place::kOther},
    {Place::kObject,              "subscription",         Field::kSubscription,       Place::kOther},
    {Place::kObject,              "parent",               Field::kNone,               Place::kParent},
    {Place::kParent,              "subscription_details", Field::kNone,               Place::kSubscriptionDetails},
    {Place::kSubscriptionDetails, "subscription",         Field::kParentSubscription, Place::kOther},
    {Place::kRelated,             "id",                   Field::kRelatedId,          Place::kOther},
    {Place::kRelated,             "type",                 Field::kRelatedType,        Place::kOther},
});
// clang-format on

struct Value {
  enum class Kind : std::uint8_t { kAbsent, kText, kInteger, kBool, kOther } kind = Kind::kAbsent;
  std::string text;
  std::int64_t number = 0;
};

// nlohmann's SAX handler; the names of its functions are the library's.
class EnvelopeHandler {
 public:
  using json = nlohmann::json;

  bool null() { return Keep({}); }
  bool boolean(bool value) { return Keep({Value::Kind::kBool, {}, value ? 1 : 0}); }
  bool number_integer(json::number_integer_t value) { return Keep({Value::Kind::kInteger, {}, value}); }
  bool number_unsigned(json::number_unsigned_t value) {
    if (!std::in_range<std::int64_t>(value)) return Keep({Value::Kind::kOther, {}, 0});
    return Keep({Value::Kind::kInteger, {}, static_cast<std::int64_t>(value)});
  }
  bool number_float(json::number_float_t, const json::string_t&) { return Keep({Value::Kind::kOther, {}, 0}); }
  bool string(json::string_t& value) {
    if (field_ == Field::kNone) return true;
    return Keep({Value::Kind::kText, std::move(value), 0});
  }
  bool binary(json::binary_t&) { return true; }  // never in JSON text

  bool start_object(std::size_t) { return Enter(depth_ == 0 ? Place::kRoot : to_); }
  bool start_array(std::size_t) { return Enter(Place::kOther); }
  bool end_object() { return Leave(); }
  bool end_array() { return Leave(); }
  bool key(json::string_t& name) {
    field_ = Field::kNone;
    to_ = Place::kOther;
    const Place here = places_[depth_ - 1];
    if (here == Place::kOther) return true;
    for (const Step& step : kSteps) {
      if (step.in == here && step.key == name) {
        field_ = step.field;
        to_ = step.to;
        if (to_ != Place::kOther) ForgetBelow(to_);
        break;
      }
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    error_ = "not JSON: it breaks off or goes wrong at byte " + std::to_string(position);
    return false;
  }

  const std::string& error() const { return error_; }
  bool is_object() const { return is_object_; }
  Value& operator[](Field field) { return values_[static_cast<std::size_t>(field)]; }

 private:
  bool Keep(Value value) {
    if (field_ != Field::kNone) (*this)[field_] = std::move(value);
    field_ = Field::kNone;
    return true;
  }

  bool Enter(Place place) {
    Keep({Value::Kind::kOther, {}, 0});  // an object or array where a field was wanted
    if (depth_ == places_.size()) {
      error_ = "not an event: nested deeper than " + std::to_string(kEventDepthMax);
      return false;
    }
    if (depth_ == 0) is_object_ = place == Place::kRoot;
    places_[depth_++] = place;
    to_ = Place::kOther;  // the elements of an array have no key
    return true;
  }

  bool Leave() {
    --depth_;
    return true;
  }

  // The key of a place came again, and the last one counts: what an earlier one held is not part of the event.
  void ForgetBelow(Place place) {
    for (const Step& step : kSteps) {
      if (step.in != place) continue;
      if (step.field != Field::kNone) (*this)[step.field] = {};
      if (step.to != Place::kOther) ForgetBelow(step.to);
    }
  }

  std::array<Value, static_cast<std::size_t>(Field::kCount)> values_;
  std::array<Place, kEventDepthMax> places_{};
  std::size_t depth_ = 0;
  Field field_ = Field::kNone;  // where the next value belongs
  Place to_ = Place::kOther;    // what the next object is
  bool is_object_ = false;
  std::string error_;
};

tl::unexpected<Error> NotAnEvent(std::string_view what) {
  return Fail(Errc::kInvalidArgument, "not an event: " + std::string(what));
}

Result<std::string> TakeName(Value& value, const std::string& field) {
  if (value.kind == Value::Kind::kAbsent) return NotAnEvent(field + " is missing");
  if (value.kind != Value::Kind::kText) return NotAnEvent(field + " is not a text");
  const auto printable = [](char c) { return c > ' ' && c <= '~'; };
  if (value.text.empty() || value.text.size() > kNameSizeMax || !std::ranges::all_of(value.text, printable)) {
    return NotAnEvent(field + " is not 1 to 255 printable characters");
  }
  return std::move(value.text);
}

Result<Timestamp> TakeCreated(const Value& value, bool thin) {
  if (value.kind == Value::Kind::kAbsent) return NotAnEvent("created is missing");
  if (thin) {
    if (value.kind != Value::Kind::kText) return NotAnEvent("created is not a text");
    const Result<Timestamp> created = ParseRfc3339(value.text);
    if (!created || *created <= Timestamp{}) return NotAnEvent("created is not a time");
    return created;
  }
  if (value.kind != Value::Kind::kInteger) return NotAnEvent("created is not a whole number");
  if (value.number <= 0 || value.number > kLatestTime) return NotAnEvent("created is not a time");
  return FromUnixSeconds(value.number);
}

// Says whether the event is thin. Errors: it is no event at all.
Result<bool> TakeKind(const Value& value) {
  if (value.kind == Value::Kind::kAbsent) return NotAnEvent("object is missing");
  if (value.kind == Value::Kind::kText && value.text == "event") return false;
  if (value.kind == Value::Kind::kText && value.text == "v2.core.event") return true;
  return NotAnEvent("object is neither event nor v2.core.event");
}

Status TakeRequired(EnvelopeHandler& read, StripeEnvelope& envelope) {
  const Result<bool> thin = TakeKind(read[Field::kKind]);
  if (!thin) return tl::unexpected(thin.error());
  envelope.thin = *thin;
  Result<std::string> id = TakeName(read[Field::kId], "id");
  if (!id) return tl::unexpected(id.error());
  envelope.id = EventId(*std::move(id));
  Result<std::string> type = TakeName(read[Field::kType], "type");
  if (!type) return tl::unexpected(type.error());
  envelope.type = *std::move(type);
  const Result<Timestamp> created = TakeCreated(read[Field::kCreated], envelope.thin);
  if (!created) return tl::unexpected(created.error());
  envelope.created = *created;
  const Value& livemode = read[Field::kLivemode];
  if (livemode.kind != Value::Kind::kBool && livemode.kind != Value::Kind::kAbsent) {
    return NotAnEvent("livemode is neither true nor false");
  }
  if (livemode.kind == Value::Kind::kBool) envelope.livemode = livemode.number != 0;
  return {};
}

// Empty unless it is a text: these fields may also be null or an object.
std::string TakeText(Value& value) { return value.kind == Value::Kind::kText ? std::move(value.text) : std::string(); }

}  // namespace

Result<StripeEnvelope> ReadStripeEnvelope(std::string_view body) {
  // The parser takes a NUL byte for the end of the text and would not look at what follows it.
  if (const std::size_t nul = body.find('\0'); nul != std::string_view::npos) {
    return Fail(Errc::kInvalidArgument, "not JSON: a NUL byte at byte " + std::to_string(nul + 1));
  }
  EnvelopeHandler read;
  if (!nlohmann::json::sax_parse(body.begin(), body.end(), &read)) return Fail(Errc::kInvalidArgument, read.error());
  if (!read.is_object()) return NotAnEvent("it is not an object");

  StripeEnvelope envelope;
  if (const Status required = TakeRequired(read, envelope); !required) return tl::unexpected(required.error());
  envelope.object_id = TakeText(read[Field::kObjectId]);
  envelope.object_kind = TakeText(read[Field::kObjectKind]);
  envelope.customer = TakeText(read[Field::kCustomer]);
  envelope.subscription = TakeText(read[Field::kParentSubscription]);
  if (envelope.subscription.empty()) envelope.subscription = TakeText(read[Field::kSubscription]);
  if (envelope.subscription.empty() && envelope.object_kind == "subscription") {
    envelope.subscription = envelope.object_id;
  }
  envelope.related_object_id = TakeText(read[Field::kRelatedId]);
  envelope.related_object_type = TakeText(read[Field::kRelatedType]);
  return envelope;
}

}  // namespace dunlin
