#include "bridge/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "json/fold.h"

namespace callgate::bridge {
namespace {

bool listed(Keys keys, std::string_view key) { return std::ranges::find(keys, key) != keys.end(); }

// What is written anew must not have a twin beside it that a reader who ignores case takes for it (T-03).
bool taken_for_listed(Keys keys, std::string_view key) {
  return std::ranges::any_of(keys, [key](std::string_view one) { return one == key || json::equal_folded(one, key); });
}

void add_sized(Blake2b& hash, std::string_view text) {
  hash.add(std::to_string(text.size()));
  hash.add(":");
  hash.add(text);
}

void add_value(Blake2b& hash, json::Value value, Keys except = {}) {
  if (value.is_object()) {
    std::vector<std::pair<std::string_view, json::Value>> members;
    value.for_each_member([&](std::string_view key, json::Value member) {
      if (!listed(except, key)) members.emplace_back(key, member);
    });
    std::ranges::sort(members, {}, &std::pair<std::string_view, json::Value>::first);
    hash.add("{");
    for (auto& [key, member] : members) {
      add_sized(hash, key);
      add_value(hash, member);
    }
    return hash.add("}");
  }
  if (value.is_array()) {
    hash.add("[");
    value.for_each_element([&](json::Value element) { add_value(hash, element); });
    return hash.add("]");
  }
  add_sized(hash, value.exists() ? value.raw() : std::string_view());
}

std::string notification(const session::Message& given, auto&& params) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("jsonrpc", "2.0").member("method", given.method).key("params").begin_object();
  params(writer);
  writer.end_object().end_object();
  return out;
}

}  // namespace

void append_members(json::Writer& writer, json::Value object, Keys except) {
  object.for_each_member([&](std::string_view key, json::Value value) {
    if (!taken_for_listed(except, key)) writer.key(key).raw(value.raw());
  });
}

std::string result_message(std::string_view id, std::string_view result) {
  std::string out;
  json::Writer(out).begin_object().member("jsonrpc", "2.0").key("id").raw(id).key("result").raw(result).end_object();
  return out;
}

std::string error_message(std::string_view id, int code, std::string_view message, std::string_view data) {
  std::string out;
  session::append_error(out, id, code, message, data);
  return out;
}

std::string renamed_progress(const session::Message& given, std::string_view token) {
  return notification(given, [&](json::Writer& writer) {
    writer.key("progressToken").raw(token);
    append_members(writer, given.params, {"progressToken"});
  });
}

std::string without_meta_key(const session::Message& given, std::string_view key) {
  return notification(given, [&](json::Writer& writer) {
    append_members(writer, given.params, {"_meta"});
    json::Value meta = given.params["_meta"];
    if (!meta.is_object() || meta.size() <= (meta[key].exists() ? 1U : 0U)) return;
    writer.key("_meta").begin_object();
    append_members(writer, meta, {key});
    writer.end_object();
  });
}

std::string with_meta(const session::Message& given, std::string_view key, std::string_view value) {
  return notification(given, [&](json::Writer& writer) {
    append_members(writer, given.params, {"_meta"});
    writer.key("_meta").begin_object().key(key).raw(value);
    append_members(writer, given.params["_meta"], {key});
    writer.end_object();
  });
}

Digest params_digest(json::Value params) {
  Blake2b hash;
  add_value(hash, params, {"_meta", "inputResponses", "requestState"});
  return hash.finish();
}

int log_level(std::string_view name) {
  constexpr std::array<std::string_view, 8> names = {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"};
  const auto* found = std::ranges::find(names, name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

bool carried_method(std::string_view method) {
  constexpr std::array<std::string_view, 8> methods = {"tools/call",     "tools/list",         "prompts/list",
                                                       "prompts/get",    "resources/list",     "resources/templates/list",
                                                       "resources/read", "completion/complete"};
  return std::ranges::find(methods, method) != methods.end();
}

bool input_method(std::string_view method) { return method == "tools/call" || method == "prompts/get" || method == "resources/read"; }

bool cacheable_method(std::string_view method) {
  return method == "server/discover" || method == "tools/list" || method == "prompts/list" || method == "resources/list" ||
         method == "resources/templates/list" || method == "resources/read";
}

int error_code(json::Value error) {
  std::string_view text = error["code"].number();
  int code = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), code);
  return problem == std::errc() && end == text.data() + text.size() ? code : session::kInternalError;
}

}  // namespace callgate::bridge
