#include "admin/match.h"

namespace callgate::admin {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    out += c;
  }
  return out;
}

// Calls fn(segment) for each part between slashes, without the empty one at the start and at most one at the end.
template <class Fn> void for_each_segment(std::string_view path, Fn&& fn) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  while (true) {
    auto slash = path.find('/');
    fn(path.substr(0, slash));
    if (slash == std::string_view::npos) return;
    path.remove_prefix(slash + 1);
  }
}

// 0: does not fit; else 1 + number of literal segments.
int fit(const Route& route, const std::vector<std::string>& segments, std::map<std::string, std::string, std::less<>>& parameters) {
  std::size_t at = 0;
  int literals = 1;
  bool fits = true;
  for_each_segment(route.path, [&](std::string_view part) {
    if (!fits) return;
    if (at >= segments.size()) fits = false;
    else if (part.starts_with('{')) parameters[std::string(part.substr(1, part.size() - 2))] = segments[at];
    else if (part == segments[at]) ++literals;
    else fits = false;
    ++at;
  });
  return fits && at == segments.size() ? literals : 0;
}

}  // namespace

Result<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> segments;
  bool bad = false;
  for_each_segment(path, [&](std::string_view part) {
    auto text = decode(part, false);
    if (!text || text->find('/') != std::string::npos || *text == "." || *text == "..") bad = true;
    else segments.push_back(std::move(*text));
  });
  if (bad) return fail(Code::InvalidRequest, "admin.path", "the path is not well-formed; names hold no slash and no control characters");
  return segments;
}

Result<std::map<std::string, std::string, std::less<>>> split_query(std::string_view query) {
  std::map<std::string, std::string, std::less<>> values;
  while (!query.empty()) {
    auto end = query.find('&');
    auto pair = query.substr(0, end);
    auto equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true);
    auto value = decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!name || !value) return fail(Code::InvalidRequest, "admin.query", "the query is not well-formed");
    if (!name->empty() && !values.emplace(*name, *value).second)
      return fail(Code::InvalidRequest, "admin.query", "query parameter `" + name->substr(0, 60) + "` is given twice");
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return values;
}

Match find_route(const std::vector<Route>& routes, std::string_view method, const std::vector<std::string>& segments) {
  Match match;
  int best = 0, best_any = 0;
  for (const auto& route : routes) {
    std::map<std::string, std::string, std::less<>> parameters;
    int score = fit(route, segments, parameters);
    if (score == 0) continue;
    if (score > best_any) best_any = score, match.allowed.clear();
    if (score == best_any) (match.allowed += match.allowed.empty() ? "" : ", ") += route.method;
    if (route.method == method && score > best) {
      best = score;
      match.route = &route;
      match.parameters = std::move(parameters);
    }
  }
  return match;
}

}  // namespace callgate::admin
