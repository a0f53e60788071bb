// The HTTP side: what a message needs around it, and what an answer means.
#include <algorithm>

#include "base/encoding.h"
#include "cli/relay.h"
#include "json/writer.h"
#include "session/jsonrpc.h"
#include "session/revision.h"
#include "session/sse.h"

namespace callgate::cli {
namespace {

constexpr std::size_t kEventBytesMax = 64 * 1024 * 1024;
constexpr std::string_view kInitialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
constexpr int kToldOnce = 1;  // further tries with an opened session

// Plain visible ASCII goes as it is; the rest, and what looks like the wrapping itself, wrapped (mcp-spec N12).
std::string header_value(std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
  const bool edges = !text.empty() && (text.front() == ' ' || text.back() == ' ');
  if (plain && !edges && !text.empty() && !text.starts_with("=?base64?")) return std::string(text);
  return "=?base64?" + base64_encode(text) + "?=";
}

bool is_event_stream(const StreamHead& head) { return head.content_type.starts_with("text/event-stream"); }

}  // namespace

std::vector<std::string> Relay::headers_of(const Ask& ask, const std::string& session) {
  std::vector<std::string> headers = ask.headers;
  if (!options_.token.empty()) headers.push_back("Authorization: Bearer " + std::string(options_.token.reveal()));
  if (!options_.unix_socket.empty()) headers.emplace_back("Host: localhost");
  headers.emplace_back("User-Agent: callgate-connect/" CALLGATE_VERSION);
  if (ask.method == "GET") {
    headers.emplace_back("Accept: text/event-stream");
  } else if (!ask.body.empty()) {
    headers.emplace_back("Content-Type: application/json");
    headers.emplace_back("Accept: application/json, text/event-stream");
  }
  if (ask.modern || session.empty()) return headers;
  headers.push_back("Mcp-Session-Id: " + session);
  const std::lock_guard lock(mutex_);
  if (!revision_.empty()) headers.push_back("MCP-Protocol-Version: " + revision_);
  return headers;
}

std::vector<std::string> Relay::modern_headers(json::Value root) {
  const std::string_view method = root["method"].string();
  const json::Value params = root["params"];
  std::vector<std::string> headers;
  const std::string_view version = params["_meta"][session::kMetaVersion].string();
  if (!version.empty()) headers.push_back("MCP-Protocol-Version: " + header_value(version));
  headers.push_back("Mcp-Method: " + header_value(method));
  const json::Value name = method == "resources/read" ? params["uri"] : method.starts_with("tasks/") ? params["taskId"] : params["name"];
  const bool named = method == "tools/call" || method == "prompts/get" || method == "resources/read" || method.starts_with("tasks/");
  if (named && name.is_string()) headers.push_back("Mcp-Name: " + header_value(name.string()));
  if (method != "tools/call") return headers;
  const std::lock_guard lock(mutex_);
  const auto known = mirrored_.find(name.string());
  if (known == mirrored_.end()) return headers;
  for (const schema::Mirrored& one : known->second.parameters) {
    json::Value value = params["arguments"];
    for (const std::string& step : one.path) value = value[step];
    if (!value.exists() || value.is(json::Kind::Null)) continue;
    headers.push_back(one.header + ": " + header_value(value.is_string() ? value.string() : value.raw()));
  }
  return headers;
}

// Sends it, once more in a new session where the gate forgot the old one, and answers the client in any case.
void Relay::send(Ask& ask) {
  auto left = options_.connect_patience;
  std::chrono::milliseconds pause{200};
  int reopened = 0;
  while (true) {
    Answer answer;
    const std::string at = ask.modern || ask.method == "initialize" ? std::string() : session();
    const StreamOutcome outcome = exchange(ask, at, answer);
    if (stopping() || (ask.open && ask.open->cancelled)) return;
    if (outcome.unsent && left.count() > 0) {
      if (!sleep(pause)) return;
      left -= pause;
      pause = std::min(pause * 2, std::chrono::milliseconds(5'000));
      continue;
    }
    if (outcome.head.status == 404 && !at.empty() && !answer.answered && reopened++ < kToldOnce && reopen(at)) continue;
    return settle(ask, outcome, answer);
  }
}

StreamOutcome Relay::exchange(const Ask& ask, const std::string& session, Answer& answer) {
  session::SseReader events(kEventBytesMax);
  StreamRequest request;
  request.method = ask.method == "GET" ? "GET" : "POST";
  request.url = options_.url;
  request.unix_socket = options_.unix_socket;
  request.headers = headers_of(ask, session);
  request.body = ask.body;
  request.cancelled = [this, &ask] { return stopping() || (ask.open && ask.open->cancelled.load()); };
  request.on_piece = [&](const StreamHead& head, std::string_view piece) {
    if (!is_event_stream(head)) {
      answer.whole += piece;
      return answer.whole.size() <= kEventBytesMax;
    }
    auto read = events.add(
        piece, [&](const session::SseEvent& event) { return !event.has_data || take_event(ask, event.data, head.session_id, answer); });
    if (!read) answer.problem = read.error().message;
    return read.has_value();
  };
  StreamOutcome outcome = http_.perform(request);
  if (ask.method == "initialize" && outcome.head.status == 200 && !answer.whole.empty()) {
    json::Document document;
    if (document.parse(answer.whole)) learn(ask, document.root(), outcome.head.session_id);
  }
  return outcome;
}

bool Relay::take_event(const Ask& ask, std::string_view data, const std::string& session, Answer& answer) {
  json::Document document;
  json::Caps caps;
  caps.bytes_max = kEventBytesMax;
  if (!document.parse(data, caps)) return true;
  const json::Value root = document.root();
  const bool ours = !ask.id.empty() && !root["method"].exists() && root["id"].exists() && root["id"].raw() == ask.id;
  if (ours) {
    learn(ask, root, session);
    answer.answered = true;
  }
  write_line(document.canonical());
  return true;
}

// What later messages need to know of this answer.
void Relay::learn(const Ask& ask, json::Value root, const std::string& opened) {
  const json::Value result = root["result"];
  const std::lock_guard lock(mutex_);
  if (ask.method == "initialize" && result.is_object()) {
    revision_ = result["protocolVersion"].string();
    session_ = opened;
  }
  if (ask.method != "tools/list" || !ask.modern) return;
  result["tools"].for_each_element([this](json::Value tool) {
    schema::MirroredSet set = schema::mirrored_in(tool["inputSchema"]);
    if (!set.parameters.empty()) mirrored_[std::string(tool["name"].string())] = std::move(set);
  });
}

void Relay::settle(const Ask& ask, const StreamOutcome& outcome, const Answer& answer) {
  if (ask.id.empty() || answer.answered) {
    if (ask.id.empty() && !outcome.failure.empty() && options_.note) options_.note("a message could not be passed on: " + outcome.failure);
    return;
  }
  const int status = outcome.head.status;
  json::Document document;
  json::Caps caps;
  caps.bytes_max = kEventBytesMax;
  if (!answer.whole.empty() && document.parse(answer.whole, caps)) {
    const json::Value root = document.root();
    if (root["jsonrpc"].string() == "2.0" && root["id"].exists() && root["id"].raw() == ask.id) {
      learn(ask, root, outcome.head.session_id);
      return write_line(document.canonical());
    }
    if (root["jsonrpc"].string() == "2.0" && root["error"].is_object())
      return write_line(R"({"jsonrpc":"2.0","id":)" + ask.id + R"(,"error":)" + std::string(root["error"].raw()) + "}");
    const std::string_view why = root["error"]["message"].string();
    if (!why.empty())
      return write_error(ask.id, session::kInternalError, "the gate answered HTTP " + std::to_string(status) + ": " + std::string(why));
  }
  std::string why = "the gate answered HTTP " + std::to_string(status);
  if (status == 401) why += ": the grant is missing, expired or revoked; set CALLGATE_TOKEN or --token-file";
  else if (!answer.problem.empty()) why = "the gate's answer cannot be read: " + answer.problem;
  else if (!outcome.failure.empty())
    why = outcome.unsent ? "no gate answers at " + options_.url : "the answer broke off: " + outcome.failure;
  else if (status == 200) why = "the gate ended its stream without an answer";
  write_error(ask.id, session::kInternalError, why);
}

// The gate was restarted, or forgot an idle session: the client's own handshake is said again.
bool Relay::reopen(const std::string& lost) {
  const std::lock_guard one_at_a_time(reopen_mutex_);
  Ask hello;
  {
    const std::lock_guard lock(mutex_);
    if (session_ != lost) return true;  // someone did already
    if (hello_.empty() || !initialized_) return false;
    hello.body = hello_;
    revision_.clear();
  }
  hello.method = "initialize";
  Answer answer;
  const StreamOutcome outcome = exchange(hello, {}, answer);
  if (outcome.head.status != 200 || session() == lost || session().empty()) return false;
  Ask told;
  told.method = "notifications/initialized";
  told.body = kInitialized;
  Answer none;
  (void)exchange(told, session(), none);
  return true;
}

}  // namespace callgate::cli
