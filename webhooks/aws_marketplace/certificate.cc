#include "webhooks/aws_marketplace/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <utility>

#include "state/check.h"

namespace dunlin {
namespace {

constexpr std::size_t kCertificatesMax = 8;

// What OpenSSL hands out is freed by a function of its own.
template <auto Function>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    Function(object);
  }
};
using Bio = std::unique_ptr<BIO, FreeBy<&BIO_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeBy<&EVP_MD_CTX_free>>;
using Store = std::unique_ptr<X509_STORE, FreeBy<&X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, FreeBy<&X509_STORE_CTX_free>>;
using AccessDescriptions = std::unique_ptr<AUTHORITY_INFO_ACCESS, FreeBy<&AUTHORITY_INFO_ACCESS_free>>;
using DigestMethod = std::unique_ptr<EVP_MD, FreeBy<&EVP_MD_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }  // the certificates stay
};

Timestamp ToTimestamp(const ASN1_TIME* time, Timestamp unreadable) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return unreadable;
  return FromUnixSeconds(timegm(&parts));
}

const EVP_MD* Method(HashFunction hash) {
  // Fetched once: asking the provider anew for every message costs as much as a hash.
  static const DigestMethod sha1(EVP_MD_fetch(nullptr, "SHA1", nullptr));
  static const DigestMethod sha256(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  switch (hash) {
    case HashFunction::kSha1: return sha1.get();
    case HashFunction::kSha256: return sha256.get();
  }
  return nullptr;
}

int NoPassphrase(char*, int, int, void*) { return -1; }  // a certificate needs none, and nobody is there to ask

Certificate Own(X509* x509) { return Certificate(std::shared_ptr<X509>(x509, &X509_free)); }

bool LoadAnchors(X509_STORE* store, const std::string& ca_file) {
  if (ca_file.empty()) return X509_STORE_set_default_paths(store) == 1;
  return X509_STORE_load_file(store, ca_file.c_str()) == 1;
}

bool IsIssuerMissing(int error) {
  return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

}  // namespace

Certificate::Certificate(std::shared_ptr<x509_st> x509) : x509_(std::move(x509)) {
  DUNLIN_CHECK(x509_ != nullptr);
  not_before_ = ToTimestamp(X509_get0_notBefore(x509_.get()), Timestamp::max());
  not_after_ = ToTimestamp(X509_get0_notAfter(x509_.get()), Timestamp::min());
}

bool Certificate::IssuedFor(const std::string& host) const {
  return X509_check_host(x509_.get(), host.data(), host.size(), X509_CHECK_FLAG_NO_WILDCARDS, nullptr) == 1;
}

std::string Certificate::issuer_url() const {
  const AccessDescriptions all(
      static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(x509_.get(), NID_info_access, nullptr, nullptr)));
  for (int i = 0; all != nullptr && i < sk_ACCESS_DESCRIPTION_num(all.get()); ++i) {
    const ACCESS_DESCRIPTION* access = sk_ACCESS_DESCRIPTION_value(all.get(), i);
    if (OBJ_obj2nid(access->method) != NID_ad_ca_issuers || access->location->type != GEN_URI) continue;
    const ASN1_STRING* url = access->location->d.uniformResourceIdentifier;
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(url)),
            static_cast<std::size_t>(ASN1_STRING_length(url))};
  }
  return {};
}

bool Certificate::HasSigned(std::string_view bytes, std::string_view signature, HashFunction hash) const {
  EVP_PKEY* key = X509_get0_pubkey(x509_.get());
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return false;
  const DigestContext context(EVP_MD_CTX_new());
  DUNLIN_CHECK(context != nullptr);
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, Method(hash), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) == 1;
  ERR_clear_error();  // a bad signature leaves its reasons behind in the thread
  return good;
}

Result<std::vector<Certificate>> ReadCertificates(std::string_view bytes) {
  std::vector<Certificate> certificates;
  bool broken = false;
  const auto* der = reinterpret_cast<const unsigned char*>(bytes.data());
  if (X509* only = d2i_X509(nullptr, &der, static_cast<long>(bytes.size()))) {
    certificates.push_back(Own(only));
  } else {
    const Bio text(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
    DUNLIN_CHECK(text != nullptr);
    while (certificates.size() < kCertificatesMax) {
      X509* next = PEM_read_bio_X509(text.get(), nullptr, &NoPassphrase, nullptr);
      if (next == nullptr) {
        broken = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;  // which says that no more begins
        break;
      }
      certificates.push_back(Own(next));
    }
  }
  ERR_clear_error();
  if (certificates.empty() || broken) return Fail(Errc::kInvalidArgument, "it is not an X.509 certificate");
  return certificates;
}

ChainVerdict CheckChain(const Certificate& leaf, std::span<const Certificate> issuers, const std::string& ca_file,
                        Timestamp now) {
  constexpr int kAuthLevel = 2;  // 112 bits: RSA from 2048, no SHA-1
  const Store store(X509_STORE_new());
  const StoreContext context(X509_STORE_CTX_new());
  const std::unique_ptr<STACK_OF(X509), FreeStack> untrusted(sk_X509_new_null());
  DUNLIN_CHECK(store != nullptr);
  DUNLIN_CHECK(context != nullptr);
  DUNLIN_CHECK(untrusted != nullptr);
  for (const Certificate& issuer : issuers) sk_X509_push(untrusted.get(), issuer.x509());
  if (!LoadAnchors(store.get(), ca_file)) {
    ERR_clear_error();
    return {ChainVerdict::End::kRefused, "the trust anchors cannot be read"};
  }
  DUNLIN_CHECK(X509_STORE_CTX_init(context.get(), store.get(), leaf.x509(), untrusted.get()) == 1);
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules, ToUnixSeconds(now));
  X509_VERIFY_PARAM_set_auth_level(rules, kAuthLevel);
  const bool trusted = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (trusted) return {ChainVerdict::End::kTrusted, {}};
  const int error = X509_STORE_CTX_get_error(context.get());
  return {IsIssuerMissing(error) ? ChainVerdict::End::kIssuerMissing : ChainVerdict::End::kRefused,
          X509_verify_cert_error_string(error)};
}

}  // namespace dunlin
