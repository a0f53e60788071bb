#include <algorithm>

#include "inspection/detectors.h"
#include "inspection/hidden.h"
#include "inspection/inspection.h"
#include "json/writer.h"

namespace callgate::inspection {
namespace {

struct Cut {
  std::uint32_t begin, end;
  std::string_view rule;
};

// In order, overlaps joined under the name of the first.
std::vector<Cut> merge(std::vector<Cut> cuts) {
  std::sort(cuts.begin(), cuts.end(), [](const Cut& a, const Cut& b) { return a.begin != b.begin ? a.begin < b.begin : a.end > b.end; });
  std::vector<Cut> out;
  for (const Cut& cut : cuts) {
    if (!out.empty() && cut.begin < out.back().end) out.back().end = std::max(out.back().end, cut.end);
    else out.push_back(cut);
  }
  return out;
}

std::string apply(std::string_view text, std::vector<Cut> cuts) {
  std::string out;
  std::size_t at = 0;
  for (Cut& cut : merge(std::move(cuts))) {
    std::size_t begin = std::min<std::size_t>(cut.begin, text.size()), end = std::min<std::size_t>(cut.end, text.size());
    // Never half a code point.
    while (begin > at && begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
    out.append(text.substr(at, begin - at)).append("[redacted:").append(cut.rule).append("]");
    at = end;
  }
  out.append(text.substr(at));
  return out;
}

class Rewriter {
 public:
  Rewriter(const Findings& findings, const Choose& choose, std::string& out) : out_(out) {
    for (const Finding& finding : findings.all())
      if (choose(finding)) chosen_.push_back(&finding);
  }
  void write(json::Value value, std::string& pointer, std::uint32_t depth = 0) {
    if (value.is_string()) return text(value.string(), value.raw(), pointer, false);
    if (depth > 128 || (!value.is_object() && !value.is_array())) {
      out_ += value.raw();
      return;
    }
    bool object = value.is_object(), first = true;
    auto size = pointer.size();
    out_.push_back(object ? '{' : '[');
    auto step = [&](std::string_view key, json::Value child) {
      if (!first) out_.push_back(',');
      first = false;
      pointer.push_back('/');
      for (char c : key) c == '~' ? pointer += "~0" : c == '/' ? pointer += "~1" : pointer += c;
      if (object) {
        text(key, {}, pointer, true);
        out_.push_back(':');
      }
      write(child, pointer, depth + 1);
      pointer.resize(size);
    };
    std::uint32_t index = 0;
    value.for_each_member(step);
    value.for_each_element([&](json::Value child) { step(std::to_string(index++), child); });
    out_.push_back(object ? '}' : ']');
  }

 private:
  void text(std::string_view text, std::string_view raw, const std::string& pointer, bool in_key) {
    std::vector<Cut> cuts;
    for (const Finding* finding : chosen_)
      if (finding->in_key == in_key && finding->where == pointer && finding->end > finding->begin)
        cuts.push_back({finding->begin, finding->end, finding->rule});
    if (cuts.empty() && raw.data()) {
      out_ += raw;
      return;
    }
    json::append_quoted(out_, cuts.empty() ? std::string(text) : apply(text, std::move(cuts)));
  }
  std::vector<const Finding*> chosen_;
  std::string& out_;
};

}  // namespace

bool redacts_by_default(const Finding& finding) {
  const Rule* rule = find_rule(finding.rule);
  return rule && (rule->action == Action::Redact || rule->action == Action::Deny);
}

std::string redact_text(std::string_view text, const Findings& findings, const Choose& choose) {
  std::vector<Cut> cuts;
  for (const Finding& finding : findings.all())
    if (finding.end > finding.begin && choose(finding)) cuts.push_back({finding.begin, finding.end, finding.rule});
  return apply(text, std::move(cuts));
}

std::string redact_value(json::Value value, const Findings& findings, const Choose& choose) {
  std::string out, pointer;
  Rewriter(findings, choose, out).write(value, pointer);
  return out;
}

std::string shown_place(const Findings& findings, const Finding& finding) {
  std::string_view place = finding.where, hidden;
  for (const Finding& key : findings.all()) {
    bool above = key.in_key && place.starts_with(key.where) && (place.size() == key.where.size() || place[key.where.size()] == '/');
    if (above && (hidden.empty() || key.where.size() < hidden.size())) hidden = key.where;
  }
  std::string out(place.substr(0, hidden.empty() ? place.size() : hidden.rfind('/')));
  if (!hidden.empty()) out += "/[a name]";
  return out.size() <= 200 ? out : show_text(out, 200);
}

std::string mask_secret(std::string_view secret) {
  std::size_t shown = secret.size() / 4;  // never more than a quarter
  std::size_t front = std::min<std::size_t>(4, shown), back = secret.size() >= 24 ? 2 : 0;
  if (front + back > shown) back = 0;
  auto show = [](std::string_view part) {
    std::string made;
    for (char c : part) made.push_back(c > ' ' && c < 0x7f ? c : '?');
    return made;
  };
  return show(secret.substr(0, front)) + "..." + show(secret.substr(secret.size() - back)) + " (" + std::to_string(secret.size()) + ")";
}

std::string show_text(std::string_view text, std::size_t bytes_max) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < bytes_max;) {
    const Shown one = character_at(text, i);
    if (one.bytes == 1 && one.code >= 0x20 && one.code < 0x7f) out.push_back(static_cast<char>(one.code));
    else append_spelled(out, one.code);
    i += one.bytes;
  }
  return out;
}

}  // namespace callgate::inspection
