#include "cli/yaml_json.h"

#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <set>

#include "base/decimal.h"
#include "cli/session.h"
#include "json/writer.h"

namespace callgate::cli {
namespace {

constexpr int kDepthMax = 32;
constexpr std::size_t kJsonBytesMax = 4 * 1024 * 1024;  // aliases make small files large: judged while writing

std::string where(const std::string& file, const YAML::Node& node) { return file + ":" + std::to_string(node.Mark().line + 1) + ": "; }

Result<std::string> resolved(const std::string& text, const std::string& place) {
  std::string out;
  std::string_view rest = text;
  while (true) {
    auto open = rest.find("${");
    out += rest.substr(0, open);
    if (open == std::string_view::npos) return out;
    auto close = rest.find('}', open);
    std::string_view reference = close == std::string_view::npos ? rest.substr(open) : rest.substr(open + 2, close - open - 2);
    if (close != std::string_view::npos && reference.starts_with("env:")) {
      std::string name(reference.substr(4));
      const char* value = std::getenv(name.c_str());
      if (!value || !*value)
        return fail(Code::InvalidArgument, "cli.reference", place + "the environment variable `" + name + "` is not set");
      out += value;
    } else if (close != std::string_view::npos && reference.starts_with("file:")) {
      CG_TRY(auto value, read_text(std::string(reference.substr(5))));
      while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
      out += value;
    } else {
      return fail(Code::InvalidArgument, "cli.reference", place + "write a reference as ${env:NAME} or ${file:PATH}");
    }
    rest.remove_prefix(close + 1);
  }
}

Result<void> convert(std::string& json, json::Writer& out, const YAML::Node& node, const std::string& file, int depth) {
  if (json.size() > kJsonBytesMax) return fail(Code::TooLarge, "cli.yaml", file + " is too large");
  if (depth > kDepthMax) return fail(Code::InvalidArgument, "cli.yaml", where(file, node) + "nested too deep");
  if (node.IsSequence()) {
    out.begin_array();
    for (const auto& item : node) CG_CHECK(convert(json, out, item, file, depth + 1));
    out.end_array();
    return {};
  }
  if (node.IsMap()) {
    std::set<std::string> seen;
    out.begin_object();
    for (const auto& member : node) {
      if (!member.first.IsScalar()) return fail(Code::InvalidArgument, "cli.yaml", where(file, member.first) + "keys must be plain words");
      if (!seen.insert(member.first.Scalar()).second)
        return fail(Code::InvalidArgument, "cli.yaml", where(file, member.first) + "`" + member.first.Scalar() + "` stands here twice");
      out.key(member.first.Scalar());
      CG_CHECK(convert(json, out, member.second, file, depth + 1));
    }
    out.end_object();
    return {};
  }
  if (node.IsNull() || !node.IsDefined()) return out.null(), Result<void>();
  const std::string& text = node.Scalar();
  bool plain = node.Tag() == "?" || node.Tag().empty();  // quoted scalars carry "!"
  if (plain && (text == "true" || text == "false")) out.boolean(text == "true");
  else if (plain && Decimal::parse(text)) out.raw(text);
  else {
    CG_TRY(auto value, resolved(text, where(file, node)));
    out.string(value);
  }
  return {};
}

}  // namespace

Result<std::string> yaml_to_json(std::string_view yaml, const std::string& file_name) {
  std::string json;
  try {
    YAML::Node root = YAML::Load(std::string(yaml));
    json::Writer out(json);
    CG_CHECK(convert(json, out, root, file_name, 0));
  } catch (const YAML::Exception& error) {
    return fail(Code::InvalidArgument, "cli.yaml",
                file_name + ":" + std::to_string(error.mark.line + 1) + ": not valid YAML: " + error.msg);
  }
  return json;
}

}  // namespace callgate::cli
