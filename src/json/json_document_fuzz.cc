// Document::parse on arbitrary bytes. What it accepts must be a fixed point: the canonical bytes parse to themselves, hold the
// same values, and are never longer than the input.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "base/assert.h"
#include "json/document.h"
#include "json/writer.h"

namespace {

using callgate::json::Document;
using callgate::json::Kind;
using callgate::json::Value;
using callgate::json::Writer;

void rewrite(Value value, Writer& out) {
  switch (value.kind()) {
    case Kind::Null: out.null(); return;
    case Kind::True: out.boolean(true); return;
    case Kind::False: out.boolean(false); return;
    case Kind::Number: out.raw(value.number()); return;
    case Kind::String: out.string(value.string()); return;
    case Kind::Array:
      out.begin_array();
      value.for_each_element([&](Value element) { rewrite(element, out); });
      out.end_array();
      return;
    case Kind::Object:
      out.begin_object();
      value.for_each_member([&](std::string_view key, Value member) {
        out.key(key);
        rewrite(member, out);
      });
      out.end_object();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of the exact size: a read past its end is seen.
  auto copy = std::make_unique<char[]>(size);
  if (size > 0) std::memcpy(copy.get(), data, size);
  static Document document;  // reused, as in the gate: nothing may leak from the document before
  auto done = document.parse({copy.get(), size});
  if (!done) {
    CG_ASSERT(!document.root().exists() && document.canonical().empty());
    CG_ASSERT(done.error().reason.starts_with("json.") && done.error().message.size() < 200);
    return 0;
  }
  CG_ASSERT(document.canonical().size() <= size);
  CG_ASSERT(document.root().raw() == document.canonical());
  std::string rewritten;
  Writer writer(rewritten);
  rewrite(document.root(), writer);
  CG_ASSERT(rewritten == document.canonical());
  Document again;
  CG_ASSERT(again.parse(document.canonical()));
  CG_ASSERT(again.canonical() == document.canonical());
  return 0;
}
