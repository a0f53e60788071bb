#include <charconv>

#include "admin/route.h"
#include "base/crypto.h"
#include "base/encoding.h"

namespace callgate::admin {
namespace {

bool fits(Shape shape, json::Value value) {
  bool ok = true;
  switch (shape) {
    case Shape::Text: return value.is_string();
    case Shape::Number: {
      std::int64_t number = 0;
      auto text = value.number();
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      return value.is_number() && error == std::errc() && end == text.data() + text.size();
    }
    case Shape::Flag: return value.is(json::Kind::True) || value.is(json::Kind::False);
    case Shape::Texts: value.for_each_element([&](json::Value item) { ok = ok && item.is_string(); }); return value.is_array() && ok;
    case Shape::Map:
      value.for_each_member([&](std::string_view, json::Value item) { ok = ok && item.is_string(); });
      return value.is_object() && ok;
    case Shape::Object: return value.is_object();
    case Shape::Objects: value.for_each_element([&](json::Value item) { ok = ok && item.is_object(); }); return value.is_array() && ok;
  }
  return false;
}

std::string_view shape_words(Shape shape) {
  switch (shape) {
    case Shape::Text: return "a text";
    case Shape::Number: return "a whole number";
    case Shape::Flag: return "true or false";
    case Shape::Texts: return "a list of texts";
    case Shape::Map: return "an object of texts";
    case Shape::Object: return "an object";
    case Shape::Objects: return "a list of objects";
  }
  return "something else";
}

std::string unknown_name(std::string_view what, std::string_view name, std::span<const FieldRule> rules) {
  std::vector<std::string_view> known;
  for (const auto& rule : rules) known.push_back(rule.name);
  auto near = config::suggest(name, known);
  std::string message = std::string(what) + " `" + std::string(name.substr(0, 60)) + "` is not known here";
  if (!near.empty()) return message + "; did you mean `" + near + "`?";
  if (known.empty()) return message + "; it takes none";
  message += "; known are ";
  for (std::size_t i = 0; i < known.size(); ++i) message += (i ? ", " : "") + std::string(known[i]);
  return message;
}

const FieldRule* rule_for(std::span<const FieldRule> rules, std::string_view name) {
  for (const auto& rule : rules)
    if (rule.name == name) return &rule;
  return nullptr;
}

}  // namespace

Result<void> check_members(std::span<const FieldRule> rules, json::Value object, std::string_view where) {
  Result<void> result;
  object.for_each_member([&](std::string_view name, json::Value value) {
    if (!result) return;
    const FieldRule* rule = rule_for(rules, name);
    if (!rule) {
      result = fail(Code::InvalidArgument, "admin.unknown_field", std::string(where) + unknown_name("field", name, rules));
    } else if (!fits(rule->shape, value)) {
      result = fail(Code::InvalidArgument, "admin.field",
                    std::string(where) + "`" + std::string(name) + "` must be " + std::string(shape_words(rule->shape)));
    }
  });
  if (!result) return result;
  for (const auto& rule : rules)
    if (rule.required && !object[rule.name].exists())
      return fail(Code::InvalidArgument, "admin.missing_field",
                  std::string(where) + "`" + std::string(rule.name) + "` is missing: " + std::string(rule.doc));
  return {};
}

Result<void> check_body(const Route& route, json::Value body) {
  if (body.exists() && !body.is_object()) return fail(Code::InvalidRequest, "admin.body", "the body must be a JSON object");
  return check_members(route.body, body, "");
}

Result<void> check_query(const Route& route, const std::map<std::string, std::string, std::less<>>& query) {
  for (const auto& [name, value] : query)
    if (!rule_for(route.query, name))
      return fail(Code::InvalidArgument, "admin.unknown_field", unknown_name("query parameter", name, route.query));
  for (const auto& rule : route.query)
    if (rule.required && !query.contains(rule.name))
      return fail(Code::InvalidArgument, "admin.missing_field",
                  "query parameter `" + std::string(rule.name) + "` is missing: " + std::string(rule.doc));
  return {};
}

std::string recordable_body(const Route& route, json::Value body) {
  constexpr std::size_t kRecordedBytesMax = 4096;
  std::string text;
  json::Writer out(text);
  out.begin_object();
  body.for_each_member([&](std::string_view name, json::Value value) {
    const FieldRule* rule = rule_for(route.body, name);
    if (!rule || rule->keep == Keep::Secret) {
      // Names say what was touched; values stay out.
      out.key(name).begin_array();
      value.for_each_member([&](std::string_view key, json::Value) { out.string(key); });
      out.end_array();
    } else if (rule->keep == Keep::Bulky || text.size() + value.raw().size() > kRecordedBytesMax) {
      out.key(name).begin_object().member("bytes", static_cast<std::int64_t>(value.raw().size()));
      out.member("sha256", hex_encode(sha256(value.raw()))).end_object();
    } else {
      out.key(name).raw(value.raw());
    }
  });
  out.end_object();
  return text;
}

}  // namespace callgate::admin
