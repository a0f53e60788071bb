// StreamCheck on arbitrary pieces, against Document on the whole: the verdicts agree, but for repeated keys below the top level.
// The first two bytes say how the rest is cut.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "base/assert.h"
#include "json/document.h"
#include "json/stream_check.h"

using callgate::json::Document;
using callgate::json::StreamCheck;

namespace {

bool streams(std::string_view text, std::size_t piece, std::string& id) {
  StreamCheck check;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    std::size_t size = std::min(piece, text.size() - at);
    auto copy = std::make_unique<char[]>(size);
    std::memcpy(copy.get(), text.data() + at, size);
    if (!check.add({copy.get(), size})) return false;
  }
  bool done = check.finish().has_value();
  id = check.top_level_id();
  return done;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::string id, other;
  bool streamed = streams(text, text.size() + 1, id);
  CG_ASSERT(streams(text, data[0] % 23 + 1u, other) == streamed && other == id);
  CG_ASSERT(streams(text, data[1] + 1u, other) == streamed && other == id);

  static Document document;
  auto done = document.parse(text);
  if (!done) {
    CG_ASSERT(!streamed || done.error().reason == "json.duplicate_key" || done.error().reason == "json.folded_key");
    return 0;
  }
  // More than 64 members at the top level is a limit of the stream check alone.
  if (!streamed) {
    CG_ASSERT(document.root().is_object() && document.root().size() > 64);
    return 0;
  }
  auto member = document.root()["id"];
  bool scalar = member.exists() && !member.is_object() && !member.is_array();
  CG_ASSERT(id == (scalar && member.raw().size() <= 256 ? member.raw() : std::string_view()));
  return 0;
}
