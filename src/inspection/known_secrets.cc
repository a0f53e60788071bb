// Exact match against the vault: a keyed hash of eight bytes at every place of the text, a second one over the whole to confirm. No secret
// is kept.

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/crypto.h"
#include "inspection/secret_checks.h"
#include "inspection/workspace.h"

namespace callgate::inspection {
namespace {

// Keyed per process: the set gives nothing away, and nobody can make texts whose places all look like a beginning.
struct Keys {
  std::string confirming = std::string(32, '\0');
  std::uint64_t beginning = 0;
  Keys() {
    random_bytes(reinterpret_cast<std::uint8_t*>(confirming.data()), confirming.size());
    random_bytes(reinterpret_cast<std::uint8_t*>(&beginning), sizeof beginning);
    beginning |= 1;
  }
};

const Keys& keys() {
  static const Keys made;
  return made;
}

// Its high bits depend on all eight bytes.
std::uint64_t beginning(const char* at, std::uint64_t key) {
  static_assert(KnownSecrets::kBytesMin == sizeof(std::uint64_t));
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word * key;
}

std::uint64_t confirming(std::string_view text) {
  Digest digest = hmac_sha256(keys().confirming, text);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word = word << 8 | digest[i];
  return word;
}

}  // namespace

bool KnownSecrets::add(std::string_view secret) {
  if (secret.size() < kBytesMin || secret.size() > 4096) return false;
  if (!add_form(secret, Form::Open)) return true;
  ++count_;
  spaced_ = spaced_ || !std::all_of(secret.begin(), secret.end(), [](char c) { return in_class('n', c); });
  add_form(std::string(secret.rbegin(), secret.rend()), Form::Reversed);
  add_form(rot13(std::string(secret)), Form::Rot13);
  return true;
}

// False: it is there already.
bool KnownSecrets::add_form(std::string_view secret, Form form) {
  Entry made{beginning(secret.data(), keys().beginning), confirming(secret), static_cast<std::uint32_t>(secret.size()), form};
  auto at = std::lower_bound(entries_.begin(), entries_.end(), made.begins,
                             [](const Entry& entry, std::uint64_t begins) { return entry.begins < begins; });
  for (auto same = at; same != entries_.end() && same->begins == made.begins; ++same)
    if (same->whole == made.whole && same->length == made.length && same->form == form) return false;
  entries_.insert(at, made);
  std::size_t words = 64;
  while (words * 64 < entries_.size() * 32) words *= 2;
  auto mark = [&](const Entry& entry) {
    auto bit = static_cast<std::size_t>(entry.begins >> (64 - std::countr_zero(words * 64)));
    seen_[bit / 64] |= std::uint64_t{1} << (bit % 64);
  };
  if (words == seen_.size()) return mark(made), true;
  seen_.assign(words, 0);
  for (const Entry& entry : entries_) mark(entry);
  return true;
}

void Workspace::known_secrets() {
  static const Rule& rule = rule_named("vault.known-secret");
  constexpr std::size_t kLeast = KnownSecrets::kBytesMin;
  const KnownSecrets& known = *known_;
  if (text().size() < kLeast || !spend(text().size() / 8)) return;
  const std::uint64_t key = keys().beginning;
  const std::uint64_t* bits = known.seen_.data();
  const int shift = 64 - std::countr_zero(known.seen_.size() * 64);
  const char* data = text().data();
  const std::size_t last = text().size() - kLeast;
  for (std::size_t at = 0; at <= last; ++at) {
    std::uint64_t begins = beginning(data + at, key);
    auto bit = static_cast<std::size_t>(begins >> shift);
    if ((bits[bit / 64] >> (bit % 64) & 1) == 0) continue;
    auto entry = std::lower_bound(known.entries_.begin(), known.entries_.end(), begins,
                                  [](const KnownSecrets::Entry& one, std::uint64_t wanted) { return one.begins < wanted; });
    for (; entry != known.entries_.end() && entry->begins == begins; ++entry) {
      if (entry->length > text().size() - at) continue;
      if (!spend(entry->length)) return;
      if (confirming(text().substr(at, entry->length)) != entry->whole) continue;
      if (entry->form == KnownSecrets::Form::Open) report(rule, {at, at + entry->length}, Confidence::High);
      else guess(entry->form == KnownSecrets::Form::Reversed ? Guess::Reversed : Guess::Rot13);
    }
  }
}

}  // namespace callgate::inspection
