#include "app/api/registration.h"

#include "app/log.h"
#include "app/random_hex.h"
#include "app/sha256.h"
#include "webhooks/http/form.h"
#include "workflows/decide.h"
#include "workflows/market_filing.h"
#include "workflows/providers/aws_marketplace/stored_event.h"

namespace dunlin {
namespace {

constexpr const char* kTokenField = "x-amzn-marketplace-token";
constexpr std::size_t kTokenMax = 16 * 1024;
constexpr std::size_t kCodeBytes = 32;
constexpr const char* kComeAgain =
    "Please go back to your subscription in AWS Marketplace and choose to set up your account once more.";

// A buyer reads this in a browser. Only texts of ours stand in it.
HttpResponse WebPage(int status, const std::string& title, const std::string& text) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/html; charset=utf-8";
  response.headers = {{"Cache-Control", "no-store"}};
  response.body = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" + title + "</title><h1>" + title +
                  "</h1><p>" + text + "</p></html>\n";
  return response;
}

HttpResponse SendOn(const std::string& landing_page, const std::string& code) {
  HttpResponse response;
  response.status = 303;
  const char* joint = landing_page.find('?') == std::string::npos ? "?" : "&";
  // The code is good once, and stands in no cache and no Referer.
  response.headers = {{"Location", landing_page + joint + "code=" + code},
                      {"Cache-Control", "no-store"},
                      {"Referrer-Policy", "no-referrer"}};
  return response;
}

// One of a bounded number of places; gives it back when it goes.
class Place {
 public:
  Place(std::atomic<int>& taken, int most) : taken_(taken), free_(taken.fetch_add(1) < most) {}
  ~Place() { taken_.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool free() const { return free_; }

 private:
  std::atomic<int>& taken_;
  const bool free_;
};

}  // namespace

HttpResponse BuyerRegistration::Handle(const HttpRequest& request) {
  const std::vector<std::string> tokens = FormValues(request.body, kTokenField);
  if (tokens.size() != 1 || tokens.front().empty() || tokens.front().size() > kTokenMax) {
    Tell("no_token");
    return WebPage(400, "You did not come from AWS Marketplace",
                   std::string("This page takes a form with one field ") + kTokenField + ". " + kComeAgain);
  }
  return Register(tokens.front());
}

HttpResponse BuyerRegistration::Register(const std::string& token) {
  const Place place(questions_, options_.questions_max);
  if (!place.free()) return NotNow("unavailable");
  const MarketplaceResult<ResolvedCustomer> buyer = marketplace_.ResolveCustomer(token);
  return buyer ? Keep(*buyer, token) : Refuse(buyer.error());
}

HttpResponse BuyerRegistration::Keep(const ResolvedCustomer& buyer, const std::string& token) {
  const Timestamp now = clock_.Now();
  Result<NewEvent> event = MarketplaceEventOf(RegistrationBody(buyer, Sha256Hex(token), now), now);
  if (!event) return Refuse({MarketplaceErrc::kUnreadable, event.error().detail});
  const std::string code = RandomHex(kCodeBytes);
  Unit unit;
  unit.registrations.push_back(
      {.code_hash = Sha256Hex(code),
       .event = event->id,
       .account = AccountId{buyer.account.empty() ? buyer.customer.str() : buyer.account.str()},
       .created_at = now});
  unit.accept.push_back(std::move(*event));
  const Result<UnitResult> done = ledger_.Commit(std::move(unit));
  if (!done) return NotNow("unavailable");
  Tell(done->stored.front() ? "registered" : "repeated");
  return SendOn(options_.landing_page, code);
}

HttpResponse BuyerRegistration::Refuse(const MarketplaceError& error) {
  const bool expired = error.code == MarketplaceErrc::kExpiredToken;
  if (expired || error.code == MarketplaceErrc::kInvalidToken) {
    Tell(MarketplaceErrcName(error.code));
    return WebPage(400, expired ? "This link has expired" : "This link is not valid",
                   std::string(expired ? "It was good for an hour. " : "AWS does not know it. ") + kComeAgain);
  }
  const std::string why = std::string(MarketplaceErrcName(error.code)) + ": " + error.detail;
  Log(LogLevel::kWarn, "a buyer could not be registered", {{"error", why}});
  if (error.code != MarketplaceErrc::kTemporary) {
    Unit unit;
    RaiseAlert(unit.alerts, {.key = kMarketplaceCredentialsAlert,
                             .kind = kMarketplaceCredentialsAlert,
                             .subject = std::string(ProviderName(Provider::kAwsMarketplace)),
                             .detail = "AWS Marketplace does not tell us who a buyer is: " + why,
                             .raised_at = clock_.Now()});
    const Result<UnitResult> raised = ledger_.Commit(std::move(unit));
    if (!raised) Log(LogLevel::kWarn, "an alert could not be raised", {{"error", raised.error().detail}});
  }
  return NotNow("unavailable");
}

HttpResponse BuyerRegistration::NotNow(std::string_view outcome) {
  Tell(outcome);
  HttpResponse response =
      WebPage(503, "Please try again in a minute",
              "Your subscription is safe. Reload this page, or go back to AWS Marketplace and choose "
              "to set up your account once more.");
  response.headers.emplace_back("Retry-After", "30");
  return response;
}

}  // namespace dunlin
