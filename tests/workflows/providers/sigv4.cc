#include "tests/workflows/providers/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

namespace dunlin::testing {
namespace {

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) out += {kDigits[static_cast<unsigned char>(c) >> 4], kDigits[c & 15]};
  return out;
}

std::string Sha256Hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return Hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::string HmacSha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Without the spaces around, and with one for several in between.
std::string Collapsed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::vector<std::string> Split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(at), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string Encoded(std::string_view text, std::string_view plain) {
  std::string out;
  for (const char c : text) {
    const bool as_is = std::isalnum(static_cast<unsigned char>(c)) != 0 || plain.find(c) != std::string_view::npos;
    std::string hex = Hex({&c, 1});
    std::ranges::transform(hex, hex.begin(),
                           [](unsigned char digit) { return static_cast<char>(std::toupper(digit)); });
    out += as_is ? std::string(1, c) : "%" + hex;
  }
  return out;
}

std::string CanonicalQuery(std::string_view query) {
  // Name and value are compared apart: "a=1" comes before "a-b=1".
  std::vector<std::pair<std::string, std::string>> fields;
  for (const std::string& field : Split(query, '&')) {
    const std::size_t equals = std::min(field.find('='), field.size());
    fields.emplace_back(Encoded(field.substr(0, equals), "-._~%"),
                        Encoded(field.substr(std::min(equals + 1, field.size())), "-._~%"));
  }
  std::ranges::sort(fields);
  std::string out;
  for (const auto& [name, value] : fields) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

// The value of "Name=value," in an Authorization header.
std::string_view PartOf(std::string_view authorization, std::string_view name) {
  const std::size_t at = authorization.find(std::string(name) + "=");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = authorization.substr(at + name.size() + 1);
  return rest.substr(0, rest.find(','));
}

}  // namespace

std::string SignedRequest::Header(std::string_view name) const {
  std::string value;
  for (const auto& [key, text] : headers) {
    if (key == name) value += (value.empty() ? "" : ",") + text;
  }
  return value;
}

SignedRequest ParseRequest(std::string_view text) {
  SignedRequest request;
  std::string lines(text);
  std::erase(lines, '\r');
  const std::size_t blank = std::min(lines.find("\n\n"), lines.size());
  request.body = lines.substr(std::min(blank + 2, lines.size()));
  std::vector<std::string> head = Split(std::string_view(lines).substr(0, blank), '\n');
  // A target may hold a space.
  const std::size_t method_end = head.at(0).find(' ');
  request.method = head[0].substr(0, method_end);
  request.target = head[0].substr(method_end + 1, head[0].rfind(' ') - method_end - 1);
  for (std::size_t i = 1; i < head.size(); ++i) {
    if (head[i].starts_with(' ')) {
      request.headers.back().second = Collapsed(request.headers.back().second + head[i]);
      continue;
    }
    const std::size_t colon = head[i].find(':');
    request.headers.emplace_back(Lower(head[i].substr(0, colon)), Collapsed(head[i].substr(colon + 1)));
  }
  return request;
}

std::string CanonicalRequest(const SignedRequest& request, std::string_view signed_headers) {
  const std::size_t question = std::min(request.target.find('?'), request.target.size());
  const std::size_t root =
      std::min(request.target.find_first_not_of('/'), question) - 1;  // of several slashes the last
  const std::string path = std::filesystem::path(request.target.substr(root, question - root)).lexically_normal();
  std::string out = request.method + "\n" + Encoded(path, "-._~%/") + "\n" +
                    CanonicalQuery(request.target.substr(std::min(question + 1, request.target.size()))) + "\n";
  for (const std::string& name : Split(signed_headers, ';')) out += name + ":" + request.Header(name) + "\n";
  return out + "\n" + std::string(signed_headers) + "\n" + Sha256Hex(request.body);
}

std::string RightAuthorization(const SignedRequest& request, std::string_view secret_key) {
  const std::string given = request.Header("authorization");
  const std::string_view signed_headers = PartOf(given, "SignedHeaders");
  const std::string_view credential = PartOf(given, "Credential");
  const std::string_view scope = credential.substr(std::min(credential.find('/') + 1, credential.size()));
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + request.Header("x-amz-date") + "\n" + std::string(scope) + "\n" +
                              Sha256Hex(CanonicalRequest(request, signed_headers));
  std::string key = "AWS4" + std::string(secret_key);
  for (const std::string& part : Split(scope, '/')) key = HmacSha256(key, part);  // date, region, service, the end
  return "AWS4-HMAC-SHA256 Credential=" + std::string(credential) + ", SignedHeaders=" + std::string(signed_headers) +
         ", Signature=" + Hex(HmacSha256(key, to_sign));
}

}  // namespace dunlin::testing
