#include "json/fold.h"

#include <algorithm>
#include <iterator>

#include "base/crypto.h"
#include "json/utf8.h"

namespace callgate::json {
namespace {

struct FoldRange {
  std::uint32_t first, last, step;
  std::int32_t delta;
};
struct FoldSeveral {
  std::uint32_t from;
  char32_t to[3];
};
#include "json/fold_table.inc"

std::uint64_t draw_seed() {
  std::uint64_t seed = 0;
  random_bytes(reinterpret_cast<std::uint8_t*>(&seed), sizeof seed);
  return seed | 1;
}

}  // namespace

Folded fold(char32_t code_point) {
  if (code_point < 0x80) return {{code_point >= 'A' && code_point <= 'Z' ? code_point + 32 : code_point}, 1};
  auto range = std::lower_bound(std::begin(kFoldRanges), std::end(kFoldRanges), code_point,
                                [](const FoldRange& r, char32_t c) { return r.last < c; });
  if (range != std::end(kFoldRanges) && code_point >= range->first && (code_point - range->first) % range->step == 0)
    return {{static_cast<char32_t>(static_cast<std::int64_t>(code_point) + range->delta)}, 1};
  auto several = std::lower_bound(std::begin(kFoldSeveral), std::end(kFoldSeveral), code_point,
                                  [](const FoldSeveral& s, char32_t c) { return s.from < c; });
  if (several == std::end(kFoldSeveral) || several->from != code_point) return {{code_point}, 1};
  return {{several->to[0], several->to[1], several->to[2]}, several->to[2] == 0 ? 2u : 3u};
}

Folded KeyFolder::next(char32_t code_point) {
  if (after_i_ && code_point == 0x307) return {{}, 0};
  Folded folded = fold(code_point);
  after_i_ = folded.code_points[folded.count - 1] == 'i';
  return folded;
}

void fold_key(std::string_view key, std::string& out) {
  out.resize(std::max(out.size(), key.size() * 3 + 16));
  auto* to = reinterpret_cast<std::uint8_t*>(out.data());
  auto* first = to;
  const auto* at = reinterpret_cast<const std::uint8_t*>(key.data());
  const auto* end = at + key.size();
  KeyFolder folder;
  while (at < end) {
    char32_t code_point = *at;
    unsigned length = code_point < 0x80 ? 1 : decode_utf8(at, end, code_point);
    if (length == 0) length = 1;  // not reached with a checked key
    at += length;
    Folded folded = folder.next(code_point);
    for (unsigned i = 0; i < folded.count; ++i) to = encode_utf8(folded.code_points[i], to);
  }
  out.resize(static_cast<std::size_t>(to - first));
}

bool equal_folded(std::string_view a, std::string_view b) {
  std::string folded_a, folded_b;
  fold_key(a, folded_a);
  fold_key(b, folded_b);
  return folded_a == folded_b;
}

std::uint64_t hash_seed() {
  static const std::uint64_t seed = draw_seed();
  return seed;
}

}  // namespace callgate::json
