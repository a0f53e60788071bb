#pragma once
// Messages with members of theirs replaced or left out; every other member stays byte for byte as it was read.

#include <string>
#include <string_view>

#include "json/document.h"
#include "json/writer.h"

namespace callgate::gateway {

// Appends `object`. Before each member member(name, value) is asked: true says that it has written the member itself, or leaves it out.
template <class Fn> void rewrite(json::Writer& writer, json::Value object, Fn&& member) {
  writer.begin_object();
  object.for_each_member([&](std::string_view name, json::Value value) {
    if (!member(name, value)) writer.key(name).raw(value.raw());
  });
  writer.end_object();
}

// Appends `object` with its member `changed` as write(value) writes it, when that is an object.
template <class Fn> void append_with(json::Writer& writer, json::Value object, std::string_view changed, Fn&& write) {
  rewrite(writer, object, [&](std::string_view name, json::Value value) {
    if (name != changed || !value.is_object()) return false;
    writer.key(name);
    write(value);
    return true;
  });
}

// `object` with `member` replaced by `raw`, or left out when `raw` is empty. An object that lacks it stays as it is.
std::string with_member(json::Value object, std::string_view member, std::string_view raw);

}  // namespace callgate::gateway
