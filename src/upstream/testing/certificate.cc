#include "upstream/testing/certificate.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

namespace callgate::upstream {
namespace {

void write_with(const std::string& file, const auto& writer) {
  FILE* out = std::fopen(file.c_str(), "w");
  ASSERT_NE(out, nullptr);
  ::fchmod(::fileno(out), 0600);
  writer(out);
  std::fclose(out);
}

void add_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestCertificate::TestCertificate(long valid_seconds, const char* names) {
  char pattern[] = "/tmp/callgate-cert-XXXXXX";
  folder_ = ::mkdtemp(pattern);
  certificate_file = folder_ + "/cert.pem";
  key_file = folder_ + "/key.pem";
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509* x = certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -7200);
  X509_gmtime_adj(X509_getm_notAfter(x), valid_seconds);
  X509_set_pubkey(x, key.get());
  X509_NAME* name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(x, name);
  add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(x, NID_subject_alt_name, names);
  X509_sign(x, key.get(), EVP_sha256());
  write_with(key_file, [&](FILE* out) { PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  write_with(certificate_file, [&](FILE* out) { PEM_write_X509(out, x); });
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(memory, x);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory, &text);
  pem.assign(text, static_cast<std::size_t>(size));
  BIO_free(memory);
}

TestCertificate::~TestCertificate() { std::filesystem::remove_all(folder_); }

}  // namespace callgate::upstream
