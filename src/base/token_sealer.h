#pragma once
// Opaque texts that only this process can make and read: XChaCha20-Poly1305 with a random key that dies with the object. What a text
// is bound to must be said again to open it. Thread-safe.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace callgate {

class TokenSealer {
 public:
  TokenSealer();
  ~TokenSealer();
  TokenSealer(const TokenSealer&) = delete;
  TokenSealer& operator=(const TokenSealer&) = delete;
  std::string seal(std::string_view plain, std::string_view bound_to) const;  // base64
  std::optional<std::string> open(std::string_view sealed, std::string_view bound_to) const;

 private:
  std::array<std::uint8_t, 32> key_;
};

}  // namespace callgate
