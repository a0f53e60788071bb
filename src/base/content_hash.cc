#include "base/content_hash.h"

#include <openssl/evp.h>
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

struct Context {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(context); }
};

Digest finish_sha256(EVP_MD_CTX* context) {
  Digest digest{};
  CG_ASSERT(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
  return digest;
}

}  // namespace

std::string_view content_digest_name() { return use_sha256() ? "sha256" : "blake2b"; }

Digest content_digest(std::string_view bytes) {
  if (!use_sha256()) return blake2b(bytes);
  thread_local Context kept;
  CG_ASSERT(EVP_DigestInit_ex(kept.context, sha256_method(), nullptr) == 1);
  CG_ASSERT(EVP_DigestUpdate(kept.context, bytes.data(), bytes.size()) == 1);
  return finish_sha256(kept.context);
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
