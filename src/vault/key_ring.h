#pragma once
// All keys the vault ever sealed with, by version, as kept in vault.key: one line `v<version> <base64 of 32 bytes>` per key.

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace callgate::vault {

inline constexpr std::size_t kKeyBytes = 32;
using KeyRing = std::map<std::uint32_t, Secret>;  // the newest is the last

Result<KeyRing> parse_key_ring(const Secret& file);
Secret write_key_ring(const KeyRing& ring);
Secret fresh_key();

// Reads the file, or creates it with one fresh key.
Result<KeyRing> load_key_ring(const std::string& path);
// Adds a fresh key to what is in the file now. Safe against another process doing the same.
Result<KeyRing> rotate_key_ring(const std::string& path);

}  // namespace callgate::vault
