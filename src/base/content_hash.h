#pragma once
// Digests of arguments and results, kept in records so that a text can later be shown to be the one that passed. The faster of
// two sound functions on this processor: SHA-256 where the processor has instructions for it, else BLAKE2b-256. Records name which.
// The journal's chain does not use this: its function is part of its format.

#include <string_view>

#include "base/crypto.h"

struct evp_md_ctx_st;

namespace callgate {

std::string_view content_digest_name();  // "sha256" or "blake2b"; the same for the life of the process
Digest content_digest(std::string_view bytes);

// The same over pieces.
class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;
  void add(std::string_view bytes);
  Digest finish();

 private:
  evp_md_ctx_st* sha256_ = nullptr;  // null: BLAKE2b
  Blake2b blake2b_;
};

}  // namespace callgate
