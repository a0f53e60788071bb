#include "cli/output.h"

#include <algorithm>

namespace callgate::cli {
namespace {

// Reads one code point; malformed bytes come back as 0xFFFD, one at a time.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(at);
  int more = first < 0x80 ? 0 : (first >> 5) == 6 ? 1 : (first >> 4) == 14 ? 2 : (first >> 3) == 30 ? 3 : -1;
  if (more < 0 || at + static_cast<std::size_t>(more) >= text.size()) {
    ++at;
    return more == 0 ? first : 0xFFFD;
  }
  char32_t point = more == 0 ? first : first & (0x3f >> more);
  for (int i = 1; i <= more; ++i) {
    if ((byte(at + static_cast<std::size_t>(i)) & 0xc0) != 0x80) {
      ++at;
      return 0xFFFD;
    }
    point = point << 6 | (byte(at + static_cast<std::size_t>(i)) & 0x3f);
  }
  at += static_cast<std::size_t>(more) + 1;
  return point;
}

// Obeyed by terminals, or invisible, or able to turn text around.
bool dangerous(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

void append_hex(std::string& out, char32_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
}

std::string made_safe(std::string_view text, bool keep_lines) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t start = at;
    char32_t c = next_code_point(text, at);
    if (c == '\n') out += keep_lines ? "\n" : "\\n";
    else if (c == '\t') out += keep_lines ? "\t" : "\\t";
    else if (c == 0xFFFD) out += "\xef\xbf\xbd";
    else if (!dangerous(c)) out += text.substr(start, at - start);
    else if (c < 0x100) out += "\\x", append_hex(out, c, 2);
    else out += "<U+", append_hex(out, c, c > 0xffff ? 5 : 4), out += '>';
  }
  return out;
}

// Columns on screen, near enough: one per code point, two for the wide East Asian blocks and emoji.
std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = next_code_point(text, at);
    bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
                (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
                (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
    bool combining = (c >= 0x300 && c <= 0x36f) || (c >= 0xfe00 && c <= 0xfe0f);
    width += combining ? 0 : wide ? 2 : 1;
  }
  return width;
}

bool plain_yaml(std::string_view text) {
  if (text.empty() || text == "true" || text == "false" || text == "null" || text == "yes" || text == "no" || text == "~") return false;
  if (text.front() == '-' || text.front() == ' ' || text.back() == ' ' || (text.front() >= '0' && text.front() <= '9') ||
      text.front() == '.')
    return false;
  for (char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
          std::string_view("_-./@ ").find(c) != std::string_view::npos))
      return false;
  return true;
}

std::string yaml_scalar(json::Value value) {
  if (!value.is_string()) return std::string(value.raw());
  if (plain_yaml(value.string())) return std::string(value.string());
  std::string quoted;  // a JSON string is a YAML double-quoted scalar
  json::append_quoted(quoted, value.string());
  return json_safe(quoted);
}

void append_yaml(std::string& out, json::Value value, std::size_t indent, bool inline_first) {
  std::string pad(indent, ' ');
  bool first = true;
  auto start = [&] {
    if (!(first && inline_first)) out += pad;
    first = false;
  };
  auto nested = [&](json::Value child, std::size_t deeper, bool in_list) {
    if ((child.is_object() || child.is_array()) && child.size() > 0) {
      if (!in_list) out += '\n';
      append_yaml(out, child, deeper, in_list);
    } else {
      if (!in_list) out += ' ';
      out += yaml_scalar(child) + "\n";
    }
  };
  value.for_each_member([&](std::string_view name, json::Value child) {
    start();
    std::string quoted;
    if (plain_yaml(name)) quoted = name;
    else json::append_quoted(quoted, name);
    out += json_safe(quoted) + ":";
    nested(child, indent + 2, false);
  });
  value.for_each_element([&](json::Value child) {
    start();
    out += "- ";
    nested(child, indent + 2, true);
  });
}

void append_pretty(std::string& out, json::Value value, std::size_t indent) {
  if ((!value.is_object() && !value.is_array()) || value.size() == 0) {
    out += value.raw();
    return;
  }
  bool first = true;
  auto start = [&] {
    out += first ? "\n" : ",\n";
    out += std::string(indent + 2, ' ');
    first = false;
  };
  out += value.is_object() ? '{' : '[';
  value.for_each_member([&](std::string_view name, json::Value child) {
    start();
    json::append_quoted(out, name);
    out += ": ";
    append_pretty(out, child, indent + 2);
  });
  value.for_each_element([&](json::Value child) {
    start();
    append_pretty(out, child, indent + 2);
  });
  out += "\n" + std::string(indent, ' ') + (value.is_object() ? "}" : "]");
}

std::string painted(std::string text, std::string_view cell, bool color) {
  if (!color) return text;
  std::string_view code = cell == "deny" || cell == "revoked" || cell == "expired" ? "\x1b[31m"
                          : cell == "allow" || cell == "live"                      ? "\x1b[32m"
                                                                                   : "";
  return code.empty() ? text : std::string(code) + text + "\x1b[0m";
}

}  // namespace

std::string terminal_safe(std::string_view text) { return made_safe(text, false); }
std::string terminal_safe_lines(std::string_view text) { return made_safe(text, true); }

std::string json_safe(std::string_view json) {
  std::string out;
  for (std::size_t at = 0; at < json.size();) {
    std::size_t start = at;
    char32_t c = next_code_point(json, at);
    if (c < 0x7f || !dangerous(c)) {
      out += json.substr(start, at - start);
    } else if (c > 0xffff) {
      out += "\\u", append_hex(out, 0xd800 + ((c - 0x10000) >> 10), 4);
      out += "\\u", append_hex(out, 0xdc00 + ((c - 0x10000) & 0x3ff), 4);
    } else {
      out += "\\u", append_hex(out, c, 4);
    }
  }
  return out;
}

json::Value at_path(json::Value value, std::string_view path) {
  while (!path.empty()) {
    auto dot = path.find('.');
    value = value[path.substr(0, dot)];
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  return value;
}

std::string cell_text(json::Value value) {
  if (!value.exists() || value.is(json::Kind::Null)) return "";
  if (value.is_string()) return std::string(value.string());
  if (!value.is_array()) return std::string(value.raw());
  std::string out;
  value.for_each_element([&](json::Value item) { out += (out.empty() ? "" : ",") + cell_text(item); });
  return out;
}

std::string yaml_of(json::Value value) {
  std::string out;
  if ((value.is_object() || value.is_array()) && value.size() > 0) append_yaml(out, value, 0, false);
  else out = yaml_scalar(value) + "\n";
  return out;
}

std::string pretty_json(json::Value value) {
  std::string out;
  append_pretty(out, value, 0);
  return out + "\n";
}

std::string table_of(const std::vector<std::vector<std::string>>& rows, bool color) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += painted(row[i], row[i], color);
      if (i + 1 < row.size()) out += std::string(widths[i] - display_width(row[i]) + 2, ' ');
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    out += '\n';
  }
  return out;
}

int show_list(Session& session, const Answer& answer, std::string_view name, const std::vector<Column>& columns) {
  auto items = answer.root()["items"];
  if (session.form() == "json") session.out(json_safe("{\"items\":" + std::string(items.raw()) + "}") + "\n");
  else if (session.form() == "yaml") session.out(items.size() == 0 ? "items: []\n" : "items:\n" + yaml_of(items));
  else if (session.form() == "jsonl") items.for_each_element([&](json::Value item) { session.out(json_safe(item.raw()) + "\n"); });
  else if (session.form() == "name")
    items.for_each_element([&](json::Value item) { session.out(terminal_safe(cell_text(at_path(item, name))) + "\n"); });
  if (!session.human()) return kOk;
  std::vector<std::vector<std::string>> rows(1);
  auto shown = [&](const Column& column) { return !column.wide || session.form() == "wide"; };
  for (const auto& column : columns)
    if (shown(column)) rows[0].emplace_back(column.title);
  items.for_each_element([&](json::Value item) {
    auto& row = rows.emplace_back();
    for (const auto& column : columns)
      if (shown(column)) row.push_back(terminal_safe(cell_text(at_path(item, column.path))));
  });
  if (rows.size() == 1) session.note("nothing to list");
  else session.out(table_of(rows, session.color));
  return kOk;
}

int show_one(Session& session, json::Value value, std::string_view name, const std::vector<Column>& lines) {
  if (session.form() == "json" || session.form() == "jsonl") session.out(json_safe(value.raw()) + "\n");
  else if (session.form() == "yaml") session.out(yaml_of(value));
  else if (session.form() == "name") session.out(terminal_safe(cell_text(at_path(value, name))) + "\n");
  if (!session.human()) return kOk;
  std::vector<std::vector<std::string>> rows;
  for (const auto& line : lines) {
    auto text = cell_text(at_path(value, line.path));
    if (text.empty() || (line.wide && session.form() != "wide")) continue;
    rows.push_back({std::string(line.title), terminal_safe(text)});
  }
  session.out(table_of(rows, session.color));
  return kOk;
}

}  // namespace callgate::cli
