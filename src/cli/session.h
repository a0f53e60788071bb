#pragma once
// What one run of a command works with: settings, transport, output. Results go to out(), talk to note(). Inner header of cli/.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/exit_codes.h"
#include "config/settings.h"
#include "json/document.h"
#include "json/writer.h"

namespace callgate::cli {

struct HttpRequest {
  std::string method, path, body;  // path with query
};
struct HttpReply {
  int status = 0;
  std::string body;
  std::string next;  // Callgate-Next
};
using Transport = std::function<Result<HttpReply>(const HttpRequest&)>;
// Over the control socket, or over settings.url with settings.token. Unavailable cli.unreachable when nobody answers.
Transport http_transport(const config::Settings& settings);

struct Answer {
  int status = 0;
  std::string body, next;
  std::unique_ptr<json::Document> document = std::make_unique<json::Document>();
  json::Value root() const { return document->root(); }
  bool ok() const { return status >= 200 && status < 300; }
};

class Session {
 public:
  using Sink = std::function<void(std::string_view)>;
  Session(config::Loaded loaded, Transport transport, Sink out, Sink err);

  const config::Settings& settings() const { return loaded_.settings; }
  const config::Loaded& loaded() const { return loaded_; }
  const std::string& form() const { return loaded_.settings.output; }  // table | wide | json | jsonl | yaml | name
  bool human() const { return form() == "table" || form() == "wide"; }

  void out(std::string_view text) { out_(text); }
  void note(std::string_view text);  // one line on stderr, unless --quiet
  void error(std::string_view text, std::string_view fix = {});
  int fail_with(const Error& error);    // prints it, returns its exit code
  int fail_with(const Answer& answer);  // the same for a refusal of the API
  int usage(std::string_view text);

  // One request. An Answer comes back for refusals too; an Error only when nobody answered or the answer is no JSON.
  Result<Answer> call(std::string_view method, std::string_view path, std::string_view body = {});
  Result<HttpReply> call_raw(std::string_view method, std::string_view path, std::string_view body = {});
  int remove(std::string_view path);  // DELETE, and says that it is done
  // All pages of a list as one {"items": [...]}; stops at `most`.
  Result<Answer> fetch_all(std::string_view path, std::size_t most = 100'000);
  bool confirm(std::string_view question);  // --yes, or y on a terminal

  bool quiet = false, yes = false, dry_run = false, color = false;

 private:
  config::Loaded loaded_;
  Transport transport_;
  Sink out_, err_;
};

// A path segment or query value, percent-encoded.
std::string encoded(std::string_view text);
// "?a=b&c=d" from pairs with a value; empty without any.
std::string query_of(const std::vector<std::pair<std::string_view, std::string>>& pairs);
// Whole file; "-" is standard input.
Result<std::string> read_text(const std::string& path);

// {"name": value, ...} for the given options only: text as text, flags as true. Pairs are (option or positional, JSON member).
void put_texts(json::Writer& out, const Args& args, std::initializer_list<std::pair<std::string_view, std::string_view>> members);
void put_list(json::Writer& out, const Args& args, std::string_view option, std::string_view member);

}  // namespace callgate::cli
