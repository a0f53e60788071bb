#include "base/content_hash.h"

#define OPENSSL_SUPPRESS_DEPRECATED  // SHA256_Init and its like: the same code without a hundred nanoseconds of look-ups around it
#include <openssl/evp.h>
#include <openssl/sha.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/assert.h"

namespace callgate {
namespace {

bool sha_instructions() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & (1u << 29)) != 0;  // leaf 7, EBX bit 29: SHA extensions
#else
  return false;
#endif
}

bool use_sha256() {
  static const bool use = sha_instructions();
  return use;
}

// Fetched once: OpenSSL 3 looks algorithms up slowly.
const EVP_MD* sha256_method() {
  static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CG_ASSERT(method != nullptr);
  return method;
}

Digest finish_sha256(EVP_MD_CTX* context) {
  Digest digest{};
  CG_ASSERT(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
  return digest;
}

}  // namespace

std::string_view content_digest_name() { return use_sha256() ? "sha256" : "blake2b"; }

Digest content_digest(std::string_view bytes) {
  if (!use_sha256()) return blake2b(bytes);
  Digest digest{};
  SHA256_CTX context;
  CG_ASSERT(SHA256_Init(&context) == 1);
  CG_ASSERT(SHA256_Update(&context, bytes.data(), bytes.size()) == 1);
  CG_ASSERT(SHA256_Final(digest.data(), &context) == 1);
  return digest;
}

ContentHash::ContentHash() {
  if (!use_sha256()) return;
  sha256_ = EVP_MD_CTX_new();
  CG_ASSERT(sha256_ != nullptr && EVP_DigestInit_ex(sha256_, sha256_method(), nullptr) == 1);
}

ContentHash::~ContentHash() { EVP_MD_CTX_free(sha256_); }

void ContentHash::add(std::string_view bytes) {
  if (sha256_ == nullptr) blake2b_.add(bytes);
  else CG_ASSERT(EVP_DigestUpdate(sha256_, bytes.data(), bytes.size()) == 1);
}

Digest ContentHash::finish() { return sha256_ == nullptr ? blake2b_.finish() : finish_sha256(sha256_); }

}  // namespace callgate
