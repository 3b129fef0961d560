#include "state/market_codec.h"

namespace dunlin {
namespace {

using Kind = MarketNotice::Kind;
using Key = std::string_view;

void Encode(FactsOut& out, const MarketRegistration& r) {
  out.OpenObject();
  out.Text("p", r.product.str());
  out.Text("c", r.customer.str());
  out.Text("a", r.account.str());
  out.Text("l", r.licence.str());
  out.Int("t", ToUnixMillis(r.at));
  out.Text("e", r.source.str());
  out.CloseObject();
}

void Encode(FactsOut& out, const MarketNotice& n) {
  out.OpenObject();
  out.Int("k", static_cast<std::int64_t>(n.kind));
  out.Text("e", n.source.str());
  out.Int("t", ToUnixMillis(n.at));
  out.Text("p", n.product.str());
  out.Text("c", n.customer.str());
  out.Text("a", n.account.str());
  out.Text("l", n.licence.str());
  out.Text("g", n.agreement.str());
  out.Text("gp", n.previous_agreement.str());
  out.Int("gs", static_cast<std::int64_t>(n.agreement_status));
  out.Text("o", n.offer.str());
  if (n.free_trial) out.Int("f", *n.free_trial ? 2 : 1);
  out.Time("s", n.starts_at);
  out.Time("x", n.ends_at);
  out.CloseObject();
}

void Encode(FactsOut& out, const EntitlementAnswer& answer) {
  out.OpenObject();
  out.Int("n", answer.number);
  out.Int("t", ToUnixMillis(answer.asked_at));
  if (!answer.licences.empty()) {
    out.Key("l");
    out.OpenArray();
    for (const LicenceId& licence : answer.licences) out.JsonAppender::Text(licence.str());
    out.CloseArray();
  }
  out.Key("i");
  out.OpenArray();
  for (const MarketEntitlement& e : answer.entitlements) {
    out.OpenObject();
    out.Text("p", e.product.str());
    out.Text("d", e.dimension);
    out.Text("v", e.value);
    out.Time("x", e.expires_at);
    out.CloseObject();
  }
  out.CloseArray();
  out.CloseObject();
}

// A number of an enumeration whose last is `last`.
template <class E>
E Word(FactsIn& in, E last) {
  const std::int64_t number = in.Int();
  if (number < 0 || number > static_cast<std::int64_t>(last)) in.Fail();
  return in.failed() ? E{} : static_cast<E>(number);
}

MarketRegistration DecodeRegistration(FactsIn& in) {
  MarketRegistration r;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "p")
      r.product = ProductCode(in.Text());
    else if (key == "c")
      r.customer = CustomerIdentifier(in.Text());
    else if (key == "a")
      r.account = AwsAccountId(in.Text());
    else if (key == "l")
      r.licence = LicenceArn(in.Text());
    else if (key == "t")
      r.at = in.Time();
    else if (key == "e")
      r.source = EventId(in.Text());
    else
      in.Fail();
  }
  return r;
}

MarketNotice DecodeNotice(FactsIn& in) {
  MarketNotice n;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "k")
      n.kind = Word(in, Kind::kEntitled);
    else if (key == "e")
      n.source = EventId(in.Text());
    else if (key == "t")
      n.at = in.Time();
    else if (key == "p")
      n.product = ProductCode(in.Text());
    else if (key == "c")
      n.customer = CustomerIdentifier(in.Text());
    else if (key == "a")
      n.account = AwsAccountId(in.Text());
    else if (key == "l")
      n.licence = LicenceArn(in.Text());
    else if (key == "g")
      n.agreement = AgreementId(in.Text());
    else if (key == "gp")
      n.previous_agreement = AgreementId(in.Text());
    else if (key == "gs")
      n.agreement_status = Word(in, AgreementStatus::kOther);
    else if (key == "o")
      n.offer = OfferId(in.Text());
    else if (key == "f")
      n.free_trial = in.Int() == 2;
    else if (key == "s")
      n.starts_at = in.Time();
    else if (key == "x")
      n.ends_at = in.Time();
    else
      in.Fail();
  }
  return n;
}

MarketEntitlement DecodeEntitlement(FactsIn& in) {
  MarketEntitlement e;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "p")
      e.product = ProductCode(in.Text());
    else if (key == "d")
      e.dimension = in.Text();
    else if (key == "v")
      e.value = in.Text();
    else if (key == "x")
      e.expires_at = in.Time();
    else
      in.Fail();
  }
  return e;
}

EntitlementAnswer DecodeAnswer(FactsIn& in) {
  EntitlementAnswer answer;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "n")
      answer.number = in.Int();
    else if (key == "t")
      answer.asked_at = in.Time();
    else if (key == "l")
      for (in.OpenArray(); in.NextItem();) answer.licences.emplace_back(in.Text());
    else if (key == "i")
      for (in.OpenArray(); in.NextItem();) answer.entitlements.push_back(DecodeEntitlement(in));
    else
      in.Fail();
  }
  return answer;
}

}  // namespace

void EncodeMarket(FactsOut& out, const MarketFacts& facts) {
  out.OpenObject();
  if (!facts.registrations.empty()) {
    out.Key("r");
    out.OpenArray();
    for (const MarketRegistration& r : facts.registrations) Encode(out, r);
    out.CloseArray();
  }
  if (!facts.notices.empty()) {
    out.Key("n");
    out.OpenArray();
    for (const MarketNotice& n : facts.notices) Encode(out, n);
    out.CloseArray();
  }
  if (facts.answer.number != 0) {
    out.Key("a");
    Encode(out, facts.answer);
  }
  if (facts.held.number != 0 && facts.held != facts.answer) {
    out.Key("h");
    Encode(out, facts.held);
  }
  out.CloseObject();
}

MarketFacts DecodeMarket(FactsIn& in) {
  MarketFacts facts;
  Key key;
  for (in.OpenObject(); in.NextKey(key);) {
    if (key == "r")
      for (in.OpenArray(); in.NextItem();) facts.registrations.push_back(DecodeRegistration(in));
    else if (key == "n")
      for (in.OpenArray(); in.NextItem();) facts.notices.push_back(DecodeNotice(in));
    else if (key == "a")
      facts.answer = DecodeAnswer(in);
    else if (key == "h")
      facts.held = DecodeAnswer(in);
    else
      in.Fail();
  }
  if (!facts.answer.entitlements.empty()) facts.held = facts.answer;  // stored once
  return facts;
}

}  // namespace dunlin
