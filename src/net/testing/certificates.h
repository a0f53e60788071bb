#pragma once
// For tests: certificates made on the spot, and files to put them in.

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

namespace callgate::net::testing {

struct Identity {
  std::string certificate_pem, key_pem;
};

// Self-signed, P-256. names: "DNS:gate.test,IP:127.0.0.1". days < 0: expired.
inline Identity make_identity(const std::string& names, int days = 30) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
  X509* const c = certificate.get();
  X509_set_version(c, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
  X509_gmtime_adj(X509_getm_notBefore(c), -60L * 60 * 24 * 60);
  X509_gmtime_adj(X509_getm_notAfter(c), 60L * 60 * 24 * days);
  X509_set_pubkey(c, key.get());
  X509_NAME* const name = X509_get_subject_name(c);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("callgate test"), -1, -1, 0);
  X509_set_issuer_name(c, name);
  for (const auto& [nid, value] : {std::pair<int, std::string>{NID_subject_alt_name, names}, {NID_basic_constraints, "critical,CA:TRUE"}}) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(c, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(c, key.get(), EVP_sha256());
  const auto text_of = [](auto write) {
    const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
    write(bio.get());
    char* data = nullptr;
    const long size = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  return {text_of([&](BIO* bio) { PEM_write_bio_X509(bio, c); }),
          text_of([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

// A folder with certificate.pem and key.pem (0600), removed at the end.
struct IdentityFiles {
  explicit IdentityFiles(const Identity& identity, unsigned key_mode = 0600) {
    char path[] = "/tmp/callgate_tls_XXXXXX";
    folder = ::mkdtemp(path);
    certificate = folder + "/certificate.pem";
    key = folder + "/key.pem";
    std::ofstream(certificate) << identity.certificate_pem;
    std::ofstream(key) << identity.key_pem;
    ::chmod(key.c_str(), key_mode);
  }
  ~IdentityFiles() {
    ::unlink(certificate.c_str());
    ::unlink(key.c_str());
    ::rmdir(folder.c_str());
  }
  IdentityFiles(const IdentityFiles&) = delete;
  IdentityFiles& operator=(const IdentityFiles&) = delete;
  std::string folder, certificate, key;
};

}  // namespace callgate::net::testing
