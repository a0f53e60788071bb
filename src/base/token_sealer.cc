#include "base/token_sealer.h"

#include <sodium.h>

#include "base/encoding.h"

namespace callgate {
namespace {

constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kTextMax = 4096;
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32);

std::uint8_t* bytes_of(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }
const std::uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

}  // namespace

TokenSealer::TokenSealer() : key_{} { randombytes_buf(key_.data(), key_.size()); }
TokenSealer::~TokenSealer() { sodium_memzero(key_.data(), key_.size()); }

std::string TokenSealer::seal(std::string_view plain, std::string_view bound_to) const {
  std::string raw(kNonce + plain.size() + kTag, '\0');
  randombytes_buf(raw.data(), kNonce);
  unsigned long long written = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes_of(raw) + kNonce, &written, bytes_of(plain), plain.size(), bytes_of(bound_to),
                                             bound_to.size(), nullptr, bytes_of(raw), key_.data());
  raw.resize(kNonce + written);
  return base64_encode(raw);
}

std::optional<std::string> TokenSealer::open(std::string_view sealed, std::string_view bound_to) const {
  if (sealed.size() > kTextMax) return std::nullopt;
  auto raw = base64_decode(sealed);
  if (!raw || raw->size() < kNonce + kTag) return std::nullopt;
  std::string plain(raw->size() - kNonce - kTag, '\0');
  unsigned long long written = 0;
  std::string_view cipher = std::string_view(*raw).substr(kNonce);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes_of(plain), &written, nullptr, bytes_of(cipher), cipher.size(), bytes_of(bound_to),
                                                 bound_to.size(), bytes_of(*raw), key_.data()) != 0)
    return std::nullopt;
  return plain;
}

}  // namespace callgate
