// Text as a person has to see it: nothing hidden, nothing turned around, nothing that only looks like something else.

#include <cstdio>

#include "approvals/call.h"

namespace callgate::approvals {
namespace {

// The code point at `at` of valid UTF-8, and its length.
struct Point {
  char32_t code = 0;
  std::size_t size = 1;
};

Point point_at(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(at + i < text.size() ? text[at + i] : 0)); };
  char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xe0) return {((first & 0x1f) << 6) | (byte(1) & 0x3f), 2};
  if (first < 0xf0) return {((first & 0x0f) << 12) | ((byte(1) & 0x3f) << 6) | (byte(2) & 0x3f), 3};
  return {((first & 0x07) << 18) | ((byte(1) & 0x3f) << 12) | ((byte(2) & 0x3f) << 6) | (byte(3) & 0x3f), 4};
}

// Whether `text` begins with `point`, written as UTF-8 wants it.
bool well_formed(std::string_view text, const Point& point) {
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return true;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < point.size) return false;
  for (std::size_t i = 1; i < point.size; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
  return point.code >= kLeast[point.size] && point.code <= 0x10ffff && (point.code < 0xd800 || point.code > 0xdfff);
}

struct Range {
  char32_t from, to;
};

// Controls, format characters, spaces that are not the space, fillers, variation selectors, tags, private use (Unicode 15).
constexpr Range kUnseen[] = {{0x00, 0x1f},       {0x7f, 0xa0},       {0xad, 0xad},       {0x034f, 0x034f},   {0x0600, 0x0605},
                             {0x061c, 0x061c},   {0x06dd, 0x06dd},   {0x070f, 0x070f},   {0x0890, 0x0891},   {0x08e2, 0x08e2},
                             {0x115f, 0x1160},   {0x1680, 0x1680},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x2000, 0x200f},
                             {0x2028, 0x202f},   {0x205f, 0x206f},   {0x2800, 0x2800},   {0x3000, 0x3000},   {0x3164, 0x3164},
                             {0xd800, 0xf8ff},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
                             {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1345f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
                             {0xe0000, 0x10ffff}};

bool unseen(char32_t code) {
  for (const Range& range : kUnseen)
    if (code >= range.from && code <= range.to) return true;
  return false;
}

void append_escape(std::string& out, char32_t code) {
  char text[16];
  auto unit = [&](unsigned value) { out.append(text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "\\u%04x", value))); };
  if (code < 0x10000) return unit(static_cast<unsigned>(code));
  code -= 0x10000;
  unit(0xd800 + static_cast<unsigned>(code >> 10));
  unit(0xdc00 + static_cast<unsigned>(code & 0x3ff));
}

enum Script : unsigned { None = 0, Latin = 1, Cyrillic = 2, Greek = 4, Armenian = 8, Cherokee = 16, Wide = 32 };

Script script_of(char32_t code) {
  if ((code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') || (code >= 0xc0 && code <= 0x24f && code != 0xd7 && code != 0xf7))
    return Latin;
  if ((code >= 0x0400 && code <= 0x052f) || (code >= 0x1c80 && code <= 0x1c8f) || (code >= 0x2de0 && code <= 0x2dff)) return Cyrillic;
  if ((code >= 0x0370 && code <= 0x03ff) || (code >= 0x1f00 && code <= 0x1fff)) return Greek;
  if (code >= 0x0530 && code <= 0x058f) return Armenian;
  if (code >= 0x13a0 && code <= 0x13ff) return Cherokee;
  if ((code >= 0xff01 && code <= 0xff5e) || (code >= 0x1d400 && code <= 0x1d7ff) || (code >= 0x2100 && code <= 0x214f)) return Wide;
  return None;
}

struct Looks {
  bool hidden = false, mixed = false;
};

Looks look_at(std::string_view text) {
  Looks looks;
  unsigned word = None;
  for (std::size_t at = 0; at < text.size();) {
    Point point = point_at(text, at);
    at += point.size;
    if (unseen(point.code) && point.code != '\n' && point.code != '\t' && point.code != '\r') looks.hidden = true;
    Script script = script_of(point.code);
    bool ends = point.code < 0x80 && script == None;
    word = ends ? static_cast<unsigned>(None) : word | script;
    if ((word & (word - 1)) != 0 || (word & Wide) != 0) looks.mixed = true;
  }
  return looks;
}

}  // namespace

std::string visible_json(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  bool quoted = false;
  auto line = [&] { (out += '\n').append(depth * 2, ' '); };
  for (std::size_t at = 0; at < json.size();) {
    char c = json[at];
    if (quoted) {
      if (c == '\\' && at + 1 < json.size()) {
        out.append(json.substr(at, 2));
        at += 2;
        continue;
      }
      Point point = point_at(json, at);
      if (unseen(point.code)) append_escape(out, point.code);
      else out.append(json.substr(at, point.size));
      quoted = c != '"';
      at += point.size;
      continue;
    }
    ++at;
    bool empty = at < json.size() && (json[at] == '}' || json[at] == ']');
    if (c == '{' || c == '[') {
      out += c;
      if (empty) out += json[at++];
      else ++depth, line();
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
      line();
      out += c;
    } else if (c == ',') {
      out += c;
      line();
    } else if (c == ':') {
      out += ": ";
    } else {
      out += c;
      quoted = c == '"';
    }
  }
  return out;
}

std::string visible_text(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Point point = point_at(text, at);
    if (!well_formed(text.substr(at), point)) {
      char escape[8];
      out.append(escape, static_cast<std::size_t>(std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(text[at++]))));
      continue;
    }
    if (unseen(point.code)) append_escape(out, point.code);
    else out.append(text.substr(at, point.size));
    at += point.size;
  }
  return out;
}

std::vector<std::string> suspicious(std::string_view json) {
  std::vector<std::string> words;
  json::Document document;
  if (!document.parse(json)) return {"the call cannot be read"};
  auto note = [&](std::string_view text, const std::string& where) {
    Looks looks = look_at(text);
    if (looks.hidden) words.push_back(where + " holds characters that cannot be seen; they are shown as \\uXXXX");
    if (looks.mixed) words.push_back(where + " holds letters that look like others");
    if (text.find("<secret>") != std::string_view::npos)  // more than a secret may stand behind it
      words.push_back(where + " holds what looks like a secret: that part is not shown");
  };
  std::string pointer;
  auto walk = [&](auto& self, json::Value value) -> void {
    if (value.is_string()) return note(value.string(), visible_json("\"" + pointer + "\""));
    std::size_t size = pointer.size();
    value.for_each_member([&](std::string_view name, json::Value member) {
      (pointer += '/') += name;
      note(name, "the name " + visible_json("\"" + pointer + "\""));
      self(self, member);
      pointer.resize(size);
    });
    std::size_t position = 0;
    value.for_each_element([&](json::Value element) {
      (pointer += '/') += std::to_string(position++);
      self(self, element);
      pointer.resize(size);
    });
  };
  walk(walk, document.root());
  if (words.size() > 20) words.resize(20);
  return words;
}

}  // namespace callgate::approvals
