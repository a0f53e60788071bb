#include "cli/session.h"

#include <unistd.h>

#include <cstdio>

#include "cli/output.h"

namespace callgate::cli {

int exit_code_of(int status, std::string_view reason) {
  if (reason == "admin.unknown_reference") return kUnknownId;
  if (reason.starts_with("audit.unavailable") || reason == "admin.not_published" || reason.starts_with("vault.") ||
      reason == "store.corrupt")
    return kOperator;
  switch (status) {
    case 400:
    case 405:
    case 413:
    case 422: return kInvalid;
    case 401: return kNotAuthenticated;
    case 403: return kDenied;
    case 404: return kNotFound;
    case 409: return kConflict;
    case 429:
    case 503:
    case 504: return kRetryable;
    default: return status >= 200 && status < 300 ? kOk : kFailed;
  }
}

int exit_code_of(const Error& error) {
  if (error.reason == "cli.unreachable") return kUnreachable;
  switch (error.code) {
    case Code::InvalidRequest:
    case Code::InvalidArgument:
    case Code::TooLarge: return kInvalid;
    case Code::Unauthenticated: return kNotAuthenticated;
    case Code::Forbidden:
    case Code::Denied: return kDenied;
    case Code::NotFound: return kNotFound;
    case Code::Conflict: return kConflict;
    case Code::RateLimited:
    case Code::Unavailable:
    case Code::Timeout:
    case Code::Cancelled: return kRetryable;
    case Code::Internal: return kFailed;
  }
  return kFailed;
}

std::string Args::text(std::string_view name, std::string_view otherwise) const {
  const auto& values_given = list(name);
  return values_given.empty() ? std::string(otherwise) : values_given.back();
}

const std::vector<std::string>& Args::list(std::string_view name) const {
  static const std::vector<std::string> none;
  auto found = values.find(name);
  return found == values.end() ? none : found->second;
}

Session::Session(config::Loaded loaded, Transport transport, Sink out, Sink err)
    : loaded_(std::move(loaded)), transport_(std::move(transport)), out_(std::move(out)), err_(std::move(err)) {}

void Session::note(std::string_view text) {
  if (!quiet) err_(std::string(text) + "\n");
}

void Session::error(std::string_view text, std::string_view fix) {
  std::string line = (color ? "\x1b[31merror:\x1b[0m " : "error: ") + terminal_safe_lines(text) + "\n";
  if (!fix.empty()) line += "fix: " + terminal_safe_lines(fix) + "\n";
  err_(line);
}

int Session::fail_with(const Error& error_value) {
  error(error_value.message);
  return exit_code_of(error_value);
}

int Session::fail_with(const Answer& answer) {
  auto found = answer.root()["error"];
  auto message = found["message"].string();
  error(message.empty() ? "the gate answered with HTTP status " + std::to_string(answer.status) : std::string(message),
        found["fix"].string());
  for (std::string_view list : {"problems", "tests"})
    answer.root()[list].for_each_element([&](json::Value item) {
      if (item["passed"].is(json::Kind::True)) return;
      std::string line = "  ";
      if (auto where = item["where"].string(); !where.empty()) line += std::string(where) + ": ";
      if (auto number = item["line"].number(); !number.empty() && number != "0") line += "line " + std::string(number) + ": ";
      if (auto pointer = item["pointer"].string(); !pointer.empty()) line += std::string(pointer) + ": ";
      err_(terminal_safe(line + std::string(item["message"].string())) + "\n");
    });
  return exit_code_of(answer.status, found["reason"].string());
}

int Session::usage(std::string_view text) {
  error(text);
  return kUsage;
}

Result<HttpReply> Session::call_raw(std::string_view method, std::string_view path, std::string_view body) {
  return transport_({std::string(method), "/api/v1" + std::string(path), std::string(body)});
}

Result<Answer> Session::call(std::string_view method, std::string_view path, std::string_view body) {
  CG_TRY(auto reply, call_raw(method, path, body));
  Answer answer;
  answer.status = reply.status;
  answer.body = std::move(reply.body);
  answer.next = std::move(reply.next);
  json::Caps caps;
  caps.bytes_max = 256 * 1024 * 1024;
  caps.values_max = 50'000'000;
  if (auto parsed = answer.document->parse(answer.body, caps); !parsed)
    return fail(Code::Internal, "cli.answer",
                "what answered at this address is not a Callgate gate (HTTP status " + std::to_string(answer.status) +
                    ", no JSON); check --url or --data");
  return answer;
}

int Session::remove(std::string_view path) {
  auto answer = call("DELETE", path);
  if (!answer) return fail_with(answer.error());
  if (!answer->ok()) return fail_with(*answer);
  note("removed");
  return kOk;
}

Result<Answer> Session::fetch_all(std::string_view path, std::size_t most) {
  Answer all;
  all.status = 200;
  std::string items;
  std::size_t count = 0;
  std::string cursor;
  std::string_view separator = path.find('?') == std::string_view::npos ? "?" : "&";
  do {
    std::size_t page = std::min<std::size_t>(1000, most - count);
    std::string full = std::string(path) + std::string(separator) + "limit=" + std::to_string(page);
    if (!cursor.empty()) full += "&cursor=" + encoded(cursor);
    CG_TRY(auto answer, call("GET", full));
    if (!answer.ok()) return answer;
    auto list = answer.root()["items"];
    if (list.size() > 0) {
      auto raw = list.raw();
      (items += items.empty() ? "" : ",") += raw.substr(1, raw.size() - 2);
      count += list.size();
    }
    cursor = answer.root()["next"].string();
  } while (!cursor.empty() && count < most);
  all.body = "{\"items\":[" + items + "]}";
  json::Caps caps;
  caps.bytes_max = 1024 * 1024 * 1024;
  caps.values_max = 100'000'000;
  CG_CHECK(all.document->parse(all.body, caps));
  return all;
}

bool Session::confirm(std::string_view question) {
  if (yes) return true;
  if (::isatty(0) == 0) {
    error(std::string(question) + " needs a yes; repeat with --yes");
    return false;
  }
  err_(std::string(question) + " [y/N] ");
  int first = std::getchar();
  for (int c = first; c != '\n' && c != EOF;) c = std::getchar();
  return first == 'y' || first == 'Y';
}

std::string encoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += "0123456789ABCDEF"[byte >> 4];
    out += "0123456789ABCDEF"[byte & 15];
  }
  return out;
}

std::string query_of(const std::vector<std::pair<std::string_view, std::string>>& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs)
    if (!value.empty()) out += (out.empty() ? "?" : "&") + std::string(name) + "=" + encoded(value);
  return out;
}

Result<std::string> read_text(const std::string& path) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (!file) return fail(Code::NotFound, "cli.file", "cannot read `" + path + "`; check the path");
  std::string text;
  char buffer[65536];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
  bool bad = std::ferror(file) != 0;
  if (file != stdin) std::fclose(file);
  if (bad) return fail(Code::InvalidArgument, "cli.file", "cannot read `" + path + "`; is it a file?");
  return text;
}

void put_texts(json::Writer& out, const Args& args, std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  for (const auto& [option, member] : members)
    if (args.given(option)) out.member(member, std::string_view(args.text(option)));
}

void put_list(json::Writer& out, const Args& args, std::string_view option, std::string_view member) {
  if (!args.given(option)) return;
  out.key(member).begin_array();
  for (const auto& text : args.list(option)) out.string(text);
  out.end_array();
}

}  // namespace callgate::cli
