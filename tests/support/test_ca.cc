#include "tests/support/test_ca.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <atomic>

#include "state/check.h"

namespace dunlin::testing {
namespace {

template <class Write>
std::string Written(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  DUNLIN_CHECK(write(bio) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

void AddExtension(X509* x509, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  DUNLIN_CHECK(extension != nullptr);
  DUNLIN_CHECK(X509_add_ext(x509, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void SetDates(X509* x509, const CertificateSpec& spec) {
  ASN1_TIME_set(X509_getm_notBefore(x509), ToUnixSeconds(spec.not_before));
  ASN1_TIME_set(X509_getm_notAfter(x509), ToUnixSeconds(spec.not_after));
  const auto overwrite = [](ASN1_TIME* time, const std::string& text) {
    if (!text.empty()) DUNLIN_CHECK(ASN1_STRING_set(time, text.data(), static_cast<int>(text.size())) == 1);
  };
  overwrite(X509_getm_notBefore(x509), spec.not_before_text);
  overwrite(X509_getm_notAfter(x509), spec.not_after_text);
}

void AddExtensions(X509* x509, const CertificateSpec& spec) {
  AddExtension(x509, NID_basic_constraints, spec.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  std::string names;
  for (const std::string& name : spec.dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  if (!names.empty()) AddExtension(x509, NID_subject_alt_name, names);
  std::string access = spec.information_access;
  if (!spec.issuer_url.empty()) access = "caIssuers;URI:" + spec.issuer_url;
  if (!access.empty()) AddExtension(x509, NID_info_access, access);
}

}  // namespace

KeyPair::KeyPair(EVP_PKEY* key) : key_(key, &EVP_PKEY_free) { DUNLIN_CHECK(key != nullptr); }
KeyPair KeyPair::Rsa(unsigned bits) { return KeyPair(EVP_RSA_gen(bits)); }
KeyPair KeyPair::Ec() { return KeyPair(EVP_EC_gen("P-256")); }

std::string KeyPair::Sign(std::string_view bytes, const char* digest) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  DUNLIN_CHECK(EVP_DigestSignInit_ex(context, nullptr, digest, nullptr, nullptr, key_.get(), nullptr) == 1);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t size = 0;
  DUNLIN_CHECK(EVP_DigestSign(context, nullptr, &size, data, bytes.size()) == 1);
  std::string signature(size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  DUNLIN_CHECK(EVP_DigestSign(context, out, &size, data, bytes.size()) == 1);
  EVP_MD_CTX_free(context);
  signature.resize(size);
  return signature;
}

std::string KeyPair::PrivatePem() const {
  return Written(
      [&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string Issued::Pem() const {
  return Written([&](BIO* bio) { return PEM_write_bio_X509(bio, x509.get()); });
}
std::string Issued::Der() const {
  return Written([&](BIO* bio) { return i2d_X509_bio(bio, x509.get()); });
}

Issued Issue(const CertificateSpec& spec, const KeyPair& key, const Issued* issuer) {
  static std::atomic<long> serial{1};
  const Issued issued{key, std::shared_ptr<X509>(X509_new(), &X509_free)};
  X509* x509 = issued.x509.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
  SetDates(x509, spec);
  const auto* name = reinterpret_cast<const unsigned char*>(spec.common_name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8, name, -1, -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(issuer != nullptr ? issuer->x509.get() : x509));
  X509_set_pubkey(x509, key.get());
  AddExtensions(x509, spec);
  DUNLIN_CHECK(X509_sign(x509, (issuer != nullptr ? issuer->key : key).get(), EVP_sha256()) > 0);
  return issued;
}

}  // namespace dunlin::testing
