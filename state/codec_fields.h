// The fields of facts as the ledger keeps them: what is default is left out (state/codec.h).
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/facts.h"
#include "state/json_text.h"

namespace dunlin {

class FactsOut : public JsonAppender {
 public:
  using JsonAppender::JsonAppender;
  void Text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    Key(key);
    JsonAppender::Text(value);
  }
  void Int(std::string_view key, std::int64_t value) {
    if (value == 0) return;
    Key(key);
    JsonAppender::Int(value);
  }
  void Time(std::string_view key, const std::optional<Timestamp>& value) {
    if (!value) return;
    Key(key);
    JsonAppender::Int(ToUnixMillis(*value));
  }
  void Texts(std::string_view key, const std::vector<std::string>& values) {
    Key(key);
    OpenArray();
    for (const std::string& value : values) JsonAppender::Text(value);
    CloseArray();
  }
};

class FactsIn : public JsonCursor {
 public:
  using JsonCursor::JsonCursor;
  Timestamp Time() { return FromUnixMillis(Int()); }
  bool Bool() {
    const std::int64_t value = Int();
    if (value != 0 && value != 1) Fail();
    return value == 1;
  }
  int Small() {
    const std::int64_t value = Int();
    if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) Fail();
    return static_cast<int>(value);
  }
  std::vector<std::string> Texts() {
    std::vector<std::string> values;
    for (OpenArray(); NextItem();) values.push_back(Text());
    return values;
  }
  ProviderStatus StatusWord() {
    const std::string word = Text();
    const ProviderStatus status = ParseProviderStatus(word);
    if (status == ProviderStatus::kUnknown && word != ProviderStatusName(status)) Fail();
    return status;
  }
  InvoiceStatus InvoiceWord() {
    const std::optional<InvoiceStatus> status = ParseInvoiceStatus(Text());
    if (!status) Fail();
    return status.value_or(InvoiceStatus::kDraft);
  }
};

}  // namespace dunlin
