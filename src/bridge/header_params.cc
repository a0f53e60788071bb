#include "bridge/header_params.h"

#include "base/encoding.h"

namespace callgate::bridge {

std::optional<ToolHeaders> read_header_params(json::Value input_schema) {
  schema::MirroredSet set = schema::mirrored_in(input_schema);
  if (!set.valid) return std::nullopt;
  return std::move(set.parameters);
}

void append_header_params(std::string& head, const ToolHeaders& params, json::Value arguments) {
  for (const schema::Mirrored& param : params) {
    json::Value value = arguments;
    for (const std::string& key : param.path) value = value[key];
    std::string text;
    if (value.is_string()) text = header_value(value.string());
    else if (value.is_number() || value.is(json::Kind::True) || value.is(json::Kind::False)) text = value.raw();
    else continue;  // absent, null, or not what the schema promised: the server says so
    ((head += param.header) += ": ") += text;
    head += "\r\n";
  }
}

std::string header_value(std::string_view text) {
  constexpr std::string_view prefix = "=?base64?";
  bool plain = !text.empty() && text.front() != ' ' && text.back() != ' ' && !text.starts_with(prefix);
  for (char c : text) plain = plain && c >= 0x20 && c < 0x7f;
  if (plain) return std::string(text);
  return std::string(prefix) + base64_encode(text) + "?=";
}

}  // namespace callgate::bridge
