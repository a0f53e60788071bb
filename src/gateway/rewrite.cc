#include "gateway/rewrite.h"

namespace callgate::gateway {

std::string with_member(json::Value object, std::string_view member, std::string_view raw) {
  std::string out;
  json::Writer writer(out);
  rewrite(writer, object, [&](std::string_view name, json::Value) {
    if (name == member && !raw.empty()) writer.key(name).raw(raw);
    return name == member;
  });
  return out;
}

}  // namespace callgate::gateway
