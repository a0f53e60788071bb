#pragma once
// Hashes, comparison and random bytes (libsodium). Thread-safe; call init_crypto() once at start.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace callgate {

using Digest = std::array<std::uint8_t, 32>;

void init_crypto();
void random_bytes(std::uint8_t* out, std::size_t size);
std::string random_token(std::size_t bytes);  // base62 text carrying at least 8 x bytes random bits
// `prefix_` and 20 characters of Crockford base32, time-ordered (48 bits of milliseconds, then 52 random bits).
std::string new_id(std::string_view prefix);
std::string new_uuid();  // version 4, lower case
Digest blake2b(std::string_view bytes);
Digest sha256(std::string_view bytes);
Digest hmac_sha256(std::string_view key, std::string_view bytes);
// The same with the key's part done once: half the work for short messages.
class HmacSha256Key {
 public:
  explicit HmacSha256Key(std::string_view key);
  ~HmacSha256Key();
  HmacSha256Key(const HmacSha256Key&) = delete;
  HmacSha256Key& operator=(const HmacSha256Key&) = delete;
  Digest sign(std::string_view bytes) const;

 private:
  alignas(16) std::array<std::uint8_t, 256> state_;
};
bool equal_constant_time(std::string_view a, std::string_view b);  // false at once only when sizes differ

// Incremental BLAKE2b-256, for digests over streamed results.
class Blake2b {
 public:
  Blake2b();
  void add(std::string_view bytes);
  Digest finish();

 private:
  alignas(64) std::array<std::uint8_t, 384> state_;
};

}  // namespace callgate
