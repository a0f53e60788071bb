// Exact match against the vault: one rolling hash per length of secret, a keyed second hash to confirm. No secret is kept.

#include <algorithm>

#include "base/crypto.h"
#include "inspection/workspace.h"
#include "json/fold.h"

namespace callgate::inspection {
namespace {

constexpr std::uint64_t kBase = 0x9e3779b97f4a7c15u | 1;

std::uint64_t rolling(std::string_view text) {
  std::uint64_t hash = 0;
  for (char c : text) hash = hash * kBase + static_cast<unsigned char>(c) + 1;
  return hash;
}

// Keyed per process: the set gives nothing away.
std::uint64_t confirming(std::string_view text) {
  static const std::string key = [] {
    std::string made(32, '\0');
    random_bytes(reinterpret_cast<std::uint8_t*>(made.data()), made.size());
    return made;
  }();
  Digest digest = hmac_sha256(key, text);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word = word << 8 | digest[i];
  return word;
}

void insert(std::vector<std::uint64_t>& sorted, std::uint64_t value) {
  auto at = std::lower_bound(sorted.begin(), sorted.end(), value);
  if (at == sorted.end() || *at != value) sorted.insert(at, value);
}

}  // namespace

bool KnownSecrets::add(std::string_view secret) {
  if (secret.size() < kBytesMin || secret.size() > 4096) return false;
  auto length = static_cast<std::uint32_t>(secret.size());
  auto at = std::find_if(lengths_.begin(), lengths_.end(), [&](const OfLength& one) { return one.length == length; });
  if (at == lengths_.end()) {
    std::uint64_t power = 1;
    for (std::uint32_t i = 1; i < length; ++i) power *= kBase;
    lengths_.push_back({length, power, {}, {}});
    at = lengths_.end() - 1;
  }
  insert(at->rolling, rolling(secret));
  insert(at->confirming, confirming(secret));
  return true;
}

void Workspace::known_secrets() {
  static const Rule& rule = rule_named("vault.known-secret");
  for (const auto& one : tables_->options.known->lengths_) {
    if (text().size() < one.length) continue;
    if (!spend(text().size() / 8)) return;
    std::uint64_t hash = rolling(text().substr(0, one.length));
    for (std::size_t at = 0;; ++at) {
      if (std::binary_search(one.rolling.begin(), one.rolling.end(), hash)) {
        auto found = text().substr(at, one.length);
        if (!spend(one.length)) return;
        if (std::binary_search(one.confirming.begin(), one.confirming.end(), confirming(found)))
          report(rule, {at, at + one.length}, Confidence::High);
      }
      if (at + one.length >= text().size()) break;
      hash = (hash - (static_cast<unsigned char>(text()[at]) + 1) * one.power) * kBase +
             static_cast<unsigned char>(text()[at + one.length]) + 1;
    }
  }
}

}  // namespace callgate::inspection
