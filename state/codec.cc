#include "state/codec.h"

#include "state/codec_fields.h"
#include "state/market_codec.h"

namespace dunlin {
namespace {

// ---- Out ---------------------------------------------------------------------------------------------------------

// Every field is optional, and there is a difference between absent and empty.
void Encode(FactsOut& out, const PreviousAttributes& p) {
  out.OpenObject();
  if (p.status) out.Text("s", ProviderStatusName(*p.status));
  if (p.cancel_at_period_end) {
    out.Key("x");
    out.JsonAppender::Int(*p.cancel_at_period_end ? 1 : 0);
  }
  if (p.cancel_at) {
    out.Key("ca");
    if (*p.cancel_at) {
      out.JsonAppender::Int(ToUnixMillis(**p.cancel_at));
    } else {
      out.Null();
    }
  }
  if (p.latest_invoice) {
    out.Key("li");
    out.JsonAppender::Text(*p.latest_invoice);
  }
  if (p.default_payment_method) {
    out.Key("pm");
    out.JsonAppender::Text(*p.default_payment_method);
  }
  out.Time("pe", p.period_end);
  if (p.prices) out.Texts("p", *p.prices);
  out.CloseObject();
}

void Encode(FactsOut& out, const SubscriptionSnapshot& s) {
  out.OpenObject();
  out.Int("k", static_cast<std::int64_t>(s.kind));
  out.Text("e", s.source.str());
  out.Int("c", ToUnixMillis(s.created));
  if (!s.fence.empty()) {
    out.Key("f");
    out.OpenArray();
    for (const EventId& id : s.fence) out.JsonAppender::Text(id.str());
    out.CloseArray();
  }
  out.Int("n", s.fetch_number);
  out.Text("s", s.status == ProviderStatus::kUnknown ? "" : ProviderStatusName(s.status));
  out.Text("a", s.customer.str());
  if (!s.prices.empty()) out.Texts("p", s.prices);
  out.Time("pe", s.period_end);
  out.Int("x", s.cancel_at_period_end ? 1 : 0);
  out.Time("ca", s.cancel_at);
  out.Time("ea", s.ended_at);
  out.Text("li", s.latest_invoice);
  out.Text("pm", s.default_payment_method);
  out.Text("cm", s.customer_method);
  out.Int("im", s.collected_by_invoice_mail ? 1 : 0);
  if (s.previous) {
    out.Key("v");
    Encode(out, *s.previous);
  }
  out.CloseObject();
}

void Encode(FactsOut& out, const Failure& f) {
  out.OpenObject();
  out.Int("t", ToUnixMillis(f.at));
  out.Text("e", f.source.str());
  out.Text("k", f.key);
  out.Int("n", f.attempt_count);
  out.Text("r", f.request);
  out.CloseObject();
}

void Encode(FactsOut& out, const Decline& d) {
  out.OpenObject();
  out.Text("c", d.code);
  out.Text("a", d.advice_code);
  out.Text("n", d.network_advice_code);
  out.Text("pm", d.payment_method);
  out.CloseObject();
}

void Encode(FactsOut& out, const InvoiceFact& i) {
  out.OpenObject();
  out.Text("i", i.id.str());
  out.Text("s", i.status == InvoiceStatus::kDraft ? "" : InvoiceStatusName(i.status));
  out.Int("n", i.attempt_count);
  out.Int("c", ToUnixMillis(i.created));
  out.Int("g", i.fetched ? 1 : 0);
  out.Text("e", i.source.str());
  out.Text("br", i.billing_reason);
  out.Int("aa", i.auto_advance ? 1 : 0);
  out.Time("np", i.next_payment_attempt);
  out.Int("ad", i.amount_due.minor);
  out.Text("cu", i.amount_due.currency);
  out.Int("ar", i.amount_remaining);
  out.Time("pe", i.line_period_end);
  out.Int("m", ToUnixMillis(i.made_at));
  out.Text("em", i.customer_email);
  out.Text("u", i.hosted_url);
  if (!i.failures.empty()) {
    out.Key("f");
    out.OpenArray();
    for (const Failure& failure : i.failures) Encode(out, failure);
    out.CloseArray();
  }
  if (i.decline) {
    out.Key("d");
    Encode(out, *i.decline);
  }
  out.Int("dt", ToUnixMillis(i.decline_at));
  out.CloseObject();
}

void Encode(FactsOut& out, std::string_view key, const MethodChange& m) {
  if (m == MethodChange{}) return;
  out.Key(key);
  out.OpenObject();
  out.Int("t", ToUnixMillis(m.at));
  out.Text("e", m.source.str());
  out.Text("pm", m.method);
  out.CloseObject();
}

void Encode(FactsOut& out, const Baseline& b) {
  out.OpenObject();
  out.Int("u", ToUnixMillis(b.until));
  out.Time("p", b.paid_until);
  out.Time("g", b.good_until);
  out.Time("d", b.past_due_since);
  Encode(out, "m", b.method_seen);
  out.CloseObject();
}

// ---- In ----------------------------------------------------------------------------------------------------------

using Key = std::string_view;

PreviousAttributes DecodePrevious(FactsIn& in) {
  PreviousAttributes p;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "s")
      p.status = in.StatusWord();
    else if (key == "x")
      p.cancel_at_period_end = in.Bool();
    else if (key == "ca")
      p.cancel_at = in.TakeNull() ? std::optional<Timestamp>() : in.Time();
    else if (key == "li")
      p.latest_invoice = in.Text();
    else if (key == "pm")
      p.default_payment_method = in.Text();
    else if (key == "pe")
      p.period_end = in.Time();
    else if (key == "p")
      p.prices = in.Texts();
    else
      in.Fail();
  }
  return p;
}

SubscriptionSnapshot::Kind DecodeKind(FactsIn& in) {
  const std::int64_t kind = in.Int();
  if (kind < 0 || kind > static_cast<std::int64_t>(SubscriptionSnapshot::Kind::kFetched)) in.Fail();
  return in.failed() ? SubscriptionSnapshot::Kind::kCreated : static_cast<SubscriptionSnapshot::Kind>(kind);
}

SubscriptionSnapshot DecodeSnapshot(FactsIn& in) {
  SubscriptionSnapshot s;
  s.kind = SubscriptionSnapshot::Kind::kCreated;  // 0, and so left out
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "k")
      s.kind = DecodeKind(in);
    else if (key == "e")
      s.source = EventId(in.Text());
    else if (key == "c")
      s.created = in.Time();
    else if (key == "f")
      for (in.OpenArray(); in.NextItem();) s.fence.emplace_back(in.Text());
    else if (key == "n")
      s.fetch_number = in.Int();
    else if (key == "s")
      s.status = in.StatusWord();
    else if (key == "a")
      s.customer = AccountId(in.Text());
    else if (key == "p")
      s.prices = in.Texts();
    else if (key == "pe")
      s.period_end = in.Time();
    else if (key == "x")
      s.cancel_at_period_end = in.Bool();
    else if (key == "ca")
      s.cancel_at = in.Time();
    else if (key == "ea")
      s.ended_at = in.Time();
    else if (key == "li")
      s.latest_invoice = in.Text();
    else if (key == "pm")
      s.default_payment_method = in.Text();
    else if (key == "cm")
      s.customer_method = in.Text();
    else if (key == "im")
      s.collected_by_invoice_mail = in.Bool();
    else if (key == "v")
      s.previous = DecodePrevious(in);
    else
      in.Fail();
  }
  return s;
}

Failure DecodeFailure(FactsIn& in) {
  Failure f;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "t")
      f.at = in.Time();
    else if (key == "e")
      f.source = EventId(in.Text());
    else if (key == "k")
      f.key = in.Text();
    else if (key == "n")
      f.attempt_count = in.Small();
    else if (key == "r")
      f.request = in.Text();
    else
      in.Fail();
  }
  return f;
}

Decline DecodeDecline(FactsIn& in) {
  Decline d;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "c")
      d.code = in.Text();
    else if (key == "a")
      d.advice_code = in.Text();
    else if (key == "n")
      d.network_advice_code = in.Text();
    else if (key == "pm")
      d.payment_method = in.Text();
    else
      in.Fail();
  }
  return d;
}

InvoiceFact DecodeInvoice(FactsIn& in) {
  InvoiceFact i;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "i")
      i.id = InvoiceId(in.Text());
    else if (key == "s")
      i.status = in.InvoiceWord();
    else if (key == "n")
      i.attempt_count = in.Small();
    else if (key == "c")
      i.created = in.Time();
    else if (key == "g")
      i.fetched = in.Bool();
    else if (key == "e")
      i.source = EventId(in.Text());
    else if (key == "br")
      i.billing_reason = in.Text();
    else if (key == "aa")
      i.auto_advance = in.Bool();
    else if (key == "np")
      i.next_payment_attempt = in.Time();
    else if (key == "ad")
      i.amount_due.minor = in.Int();
    else if (key == "cu")
      i.amount_due.currency = in.Text();
    else if (key == "ar")
      i.amount_remaining = in.Int();
    else if (key == "pe")
      i.line_period_end = in.Time();
    else if (key == "m")
      i.made_at = in.Time();
    else if (key == "em")
      i.customer_email = in.Text();
    else if (key == "u")
      i.hosted_url = in.Text();
    else if (key == "f")
      for (in.OpenArray(); in.NextItem();) i.failures.push_back(DecodeFailure(in));
    else if (key == "d")
      i.decline = DecodeDecline(in);
    else if (key == "dt")
      i.decline_at = in.Time();
    else
      in.Fail();
  }
  return i;
}

MethodChange DecodeMethod(FactsIn& in) {
  MethodChange m;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "t")
      m.at = in.Time();
    else if (key == "e")
      m.source = EventId(in.Text());
    else if (key == "pm")
      m.method = in.Text();
    else
      in.Fail();
  }
  return m;
}

Baseline DecodeBaseline(FactsIn& in) {
  Baseline b;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "u")
      b.until = in.Time();
    else if (key == "p")
      b.paid_until = in.Time();
    else if (key == "g")
      b.good_until = in.Time();
    else if (key == "d")
      b.past_due_since = in.Time();
    else if (key == "m")
      b.method_seen = DecodeMethod(in);
    else
      in.Fail();
  }
  return b;
}

}  // namespace

std::string EncodeFacts(const Facts& facts) {
  std::string text;
  text.reserve(64 + 320 * facts.snapshots.size() + 480 * facts.invoices.size());
  FactsOut out(text);
  out.OpenObject();
  if (!facts.snapshots.empty()) {
    out.Key("s");
    out.OpenArray();
    for (const SubscriptionSnapshot& snapshot : facts.snapshots) Encode(out, snapshot);
    out.CloseArray();
  }
  if (!facts.invoices.empty()) {
    out.Key("i");
    out.OpenArray();
    for (const InvoiceFact& invoice : facts.invoices) Encode(out, invoice);
    out.CloseArray();
  }
  Encode(out, "m", facts.method);
  if (facts.baseline != Baseline{}) {
    out.Key("b");
    Encode(out, facts.baseline);
  }
  if (!facts.market.empty()) {
    out.Key("w");
    EncodeMarket(out, facts.market);
  }
  out.CloseObject();
  return text;
}

Result<Facts> DecodeFacts(std::string_view text) {
  Facts facts;
  FactsIn in(text);
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "s")
      for (in.OpenArray(); in.NextItem();) facts.snapshots.push_back(DecodeSnapshot(in));
    else if (key == "i")
      for (in.OpenArray(); in.NextItem();) facts.invoices.push_back(DecodeInvoice(in));
    else if (key == "m")
      facts.method = DecodeMethod(in);
    else if (key == "b")
      facts.baseline = DecodeBaseline(in);
    else if (key == "w")
      facts.market = DecodeMarket(in);
    else
      in.Fail();
  }
  if (!in.AtEnd()) {
    return Fail(Errc::kCorrupt,
                "facts cannot be read at byte " + std::to_string(in.position()) + " of " + std::to_string(text.size()));
  }
  return facts;
}

}  // namespace dunlin
