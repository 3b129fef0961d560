// The URL of a signing certificate against curl, which would be the one to ask it: what we let through, curl must
// understand as a file on a host of SNS.
#include <curl/curl.h>

#include <string>

#include "tests/fuzz/fuzz.h"
#include "webhooks/aws_marketplace/sns_url.h"

namespace {

std::string Part(CURLU* url, CURLUPart what) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, 0) != CURLUE_OK) return "";
  std::string part = text;
  curl_free(text);
  return part;
}

}  // namespace

DUNLIN_FUZZ_TARGET(bytes) {
  const std::string text(bytes);
  const dunlin::Status allowed = dunlin::CheckSigningCertUrl(text);
  if (!allowed) {
    DUNLIN_CHECK(!allowed.error().detail.empty());
    return;
  }
  CURLU* url = curl_url();
  DUNLIN_CHECK(curl_url_set(url, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK);
  const std::string host = Part(url, CURLUPART_HOST);
  DUNLIN_CHECK(Part(url, CURLUPART_SCHEME) == "https");
  DUNLIN_CHECK(host.starts_with("sns.") && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")));
  DUNLIN_CHECK(Part(url, CURLUPART_PATH).starts_with("/SimpleNotificationService-"));
  for (const CURLUPart none : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_PORT, CURLUPART_QUERY, CURLUPART_FRAGMENT})
    DUNLIN_CHECK(Part(url, none).empty());
  curl_url_cleanup(url);
  DUNLIN_CHECK(!dunlin::SigningCertNames(text).empty());
}
