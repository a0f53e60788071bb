#include "base/crypto.h"

#include <sodium.h>

#include <chrono>
#include <cstring>

#include "base/assert.h"
#include "base/secret.h"

namespace callgate {

static_assert(sizeof(crypto_generichash_state) <= 384);

void init_crypto() { CG_ASSERT(sodium_init() >= 0); }

void random_bytes(std::uint8_t* out, std::size_t size) { randombytes_buf(out, size); }

void Secret::wipe() {
  if (!text_.empty()) sodium_memzero(text_.data(), text_.size());
  text_.clear();
}

std::string random_token(std::size_t bytes) {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::size_t length = (bytes * 8 * 1000 + 5953) / 5954;  // log2(62) = 5.954
  std::string token(length, '0');
  for (char& c : token) c = alphabet[randombytes_uniform(62)];
  return token;
}

std::string new_id(std::string_view prefix) {
  constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  auto ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  std::uint64_t random = 0;
  randombytes_buf(&random, sizeof random);
  std::string id(prefix);
  id += '_';
  for (int shift = 45; shift >= 0; shift -= 5) id += alphabet[(ms >> shift) & 31];
  for (int i = 0; i < 10; ++i) id += alphabet[(random >> (5 * i)) & 31];
  return id;
}

std::string new_uuid() {
  std::array<std::uint8_t, 16> raw{};
  randombytes_buf(raw.data(), raw.size());
  raw[6] = static_cast<std::uint8_t>((raw[6] & 0x0f) | 0x40);
  raw[8] = static_cast<std::uint8_t>((raw[8] & 0x3f) | 0x80);
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += hex[raw[i] >> 4];
    text += hex[raw[i] & 15];
  }
  return text;
}

namespace {
const std::uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }
}  // namespace

Digest blake2b(std::string_view bytes) {
  Digest digest{};
  crypto_generichash(digest.data(), digest.size(), bytes_of(bytes), bytes.size(), nullptr, 0);
  return digest;
}

Digest sha256(std::string_view bytes) {
  Digest digest{};
  crypto_hash_sha256(digest.data(), bytes_of(bytes), bytes.size());
  return digest;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  Digest digest{};
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes_of(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes_of(bytes), bytes.size());
  crypto_auth_hmacsha256_final(&state, digest.data());
  sodium_memzero(&state, sizeof state);
  return digest;
}

static_assert(sizeof(crypto_auth_hmacsha256_state) <= 256);

HmacSha256Key::HmacSha256Key(std::string_view key) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes_of(key), key.size());
  std::memcpy(state_.data(), &state, sizeof state);
  sodium_memzero(&state, sizeof state);
}

HmacSha256Key::~HmacSha256Key() { sodium_memzero(state_.data(), state_.size()); }

Digest HmacSha256Key::sign(std::string_view bytes) const {
  Digest digest{};
  crypto_auth_hmacsha256_state state;
  std::memcpy(&state, state_.data(), sizeof state);
  crypto_auth_hmacsha256_update(&state, bytes_of(bytes), bytes.size());
  crypto_auth_hmacsha256_final(&state, digest.data());
  sodium_memzero(&state, sizeof state);
  return digest;
}

// A word at a time: the compiler may not look into `differs` before the end, so that how long it takes tells nothing but the size.
bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  std::uint64_t differs = 0;
  const auto compare = [&](std::size_t at, std::size_t size) {
    std::uint64_t mine = 0, theirs = 0;
    std::memcpy(&mine, a.data() + at, size);
    std::memcpy(&theirs, b.data() + at, size);
    differs |= mine ^ theirs;
    __asm__ volatile("" : "+r"(differs));
  };
  std::size_t at = 0;
  for (; a.size() - at >= 8; at += 8) compare(at, 8);
  for (; at < a.size(); ++at) compare(at, 1);
  return differs == 0;
}

Blake2b::Blake2b() { crypto_generichash_init(reinterpret_cast<crypto_generichash_state*>(state_.data()), nullptr, 0, 32); }

void Blake2b::add(std::string_view bytes) {
  crypto_generichash_update(reinterpret_cast<crypto_generichash_state*>(state_.data()), bytes_of(bytes), bytes.size());
}

Digest Blake2b::finish() {
  Digest digest{};
  crypto_generichash_final(reinterpret_cast<crypto_generichash_state*>(state_.data()), digest.data(), digest.size());
  return digest;
}

}  // namespace callgate
