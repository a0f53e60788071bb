// Hostile servers, and clients that come back with anything: no order of events may crash a bridge, or leave an exchange open.
// Input: a first byte for the era, then lines. The first character says what happens, the rest is what is said.

#include <deque>

#include "base/assert.h"
#include "bridge/bridge.h"
#include "json/document.h"
#include "session/jsonrpc.h"
#include "session/sse.h"

namespace callgate {

class Clearance {
 public:
  static ClearedCall make(std::string_view method, std::string_view body, const CallContext& context) {
    return {method, {}, body, context};
  }
};

namespace {

// Everything a bridge says must be read by the strictest of readers. What wraps judged bytes may be a little deeper than they were.
void expect_strict(std::string_view said) {
  json::Document document;
  CG_ASSERT(said.empty() || document.parse(said, {.depth_max = 80}));
}

struct Asked final : upstream::Exchange {
  upstream::ResponseSink* sink = nullptr;
  std::string id;  // of what it carries
  bool open = true, headed = false;
  void pause() override {}
  void resume() override {}
  void cancel() override {
    CG_ASSERT(open);
    open = false;
  }
  void set_timeout(std::chrono::milliseconds) override { CG_ASSERT(open); }
  void head(int status, std::string_view type) {
    if (headed || !open) return;
    headed = true;
    net::Head head;
    head.status = status;
    head.add({"content-type", type});
    head.add({"mcp-session-id", "s"});
    sink->on_head(head);
  }
  void end() {
    head(200, "application/json");
    if (!std::exchange(open, false)) return;
    sink->on_end();
  }
};

struct ServerSide final : upstream::Transport {
  std::deque<Asked> asked;
  upstream::Exchange& send(const upstream::Target&, const ClearedCall& call, upstream::ResponseSink& sink) override {
    asked.emplace_back();
    asked.back().sink = &sink;
    expect_strict(call.body());
    json::Document document;
    (void)document.parse(call.body(), {.depth_max = 80});
    if (document.root()["id"].exists()) asked.back().id = document.root()["id"].raw();
    return asked.back();
  }
  Asked* oldest() {
    for (Asked& one : asked)
      if (one.open) return &one;
    return nullptr;
  }
  Asked* newest() {
    for (auto at = asked.rbegin(); at != asked.rend(); ++at)
      if (at->open) return &*at;
    return nullptr;
  }
};

struct ClientSide final : upstream::ResponseSink {
  std::string body, text, session;
  upstream::Exchange* exchange = nullptr;
  bool over = false, events = false;
  void on_head(const net::Head& head) override {
    CG_ASSERT(!over);
    session = head.header("mcp-session-id");
    events = head.header("content-type").starts_with("text/event-stream");
  }
  void on_body(std::string_view piece) override {
    CG_ASSERT(!over);
    text += piece;
  }
  void on_end() override {
    CG_ASSERT(!std::exchange(over, true));
    if (!events) return expect_strict(text);
    for (std::string_view rest = text; !rest.empty();) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (line.starts_with("data: ")) expect_strict(line.substr(6));
    }
  }
  void on_error(const Error&, bool) override { CG_ASSERT(!std::exchange(over, true)); }
};

class Play {
 public:
  explicit Play(bool modern) {
    server_.id = server_.slug = "s";
    server_.response_bytes_max = 4096;
    (modern ? server_.eras.legacy : server_.eras.modern) = true;
    context_.modern = modern;
    context_.principal_id = context_.grant_id = "g";
  }
  ~Play() {
    bridge_.reset();
    for (Asked& asked : below_.asked) CG_ASSERT(!asked.open);
  }

  void line(char what, std::string_view said) {
    Asked* asked = what >= 'a' ? below_.oldest() : below_.newest();  // small letters: what has been under way longest
    if (what >= 'a' && what <= 'z') what = static_cast<char>(what - 'a' + 'A');
    switch (what) {
      case 'C': return client("POST", std::string(said));
      case 'G': return client("GET", {});
      case 'D': return client("DELETE", {});
      case 'R': return client("POST", with_state(std::string(said)));
      case 'X':
        if (!clients_.empty() && !clients_.back().over) {
          clients_.back().over = true;
          clients_.back().exchange->cancel();
        }
        break;
      case 'T': clock_.advance(std::chrono::milliseconds(said.size() * said.size() * 25 + 25)); break;
      case 'J':
        if (asked != nullptr) answer(*asked, said, 200);
        break;
      case 'F':
        if (asked != nullptr) answer(*asked, said, said.size() % 2 == 0 ? 404 : 400);
        break;
      case 'E':
        if (asked != nullptr) event(*asked, said);
        break;
      case 'Q':
        if (asked != nullptr) asked->end();
        break;
      case 'B':
        if (asked != nullptr && std::exchange(asked->open, false))
          asked->sink->on_error({Code::Timeout, "upstream.timeout", "late", {}}, true);
        break;
      default: return;
    }
    settle();
  }

 private:
  void settle() {
    for (int i = 0; i < 6; ++i) loop_->run_once(std::chrono::milliseconds(0));
  }
  void answer(Asked& asked, std::string_view said, int status) {
    asked.head(status, "application/json");
    if (asked.open && !said.empty()) asked.sink->on_body(numbered(asked, said));
    asked.end();
  }
  void event(Asked& asked, std::string_view said) {
    asked.head(200, "text/event-stream");
    std::string out, data = numbered(asked, said);
    session::append_sse(out, {.event = "message", .data = data, .id = "e", .retry_ms = {}, .has_data = true});
    if (asked.open) asked.sink->on_body(out);
  }
  // A `#` stands for the id that is to be answered.
  static std::string numbered(const Asked& asked, std::string_view said) {
    std::string out;
    for (char c : said) c == '#' ? out += asked.id : out += c;
    return out;
  }
  std::string with_state(std::string said) {
    for (auto at = clients_.rbegin(); at != clients_.rend(); ++at) {
      std::size_t begin = at->text.find("\"requestState\":\"");
      if (begin == std::string::npos) continue;
      begin += 16;
      std::string state = at->text.substr(begin, at->text.find('"', begin) - begin);
      if (std::size_t hole = said.find('@'); hole != std::string::npos) said.replace(hole, 1, state);
      break;
    }
    for (auto at = clients_.rbegin(); at != clients_.rend(); ++at) {  // the newest question, as a legacy client sees it
      std::size_t begin = at->text.rfind("\"callgate-"), hole = said.find('%');
      if (begin == std::string::npos || hole == std::string::npos) continue;
      said.replace(hole, 1, at->text.substr(begin, at->text.find('"', begin + 1) + 1 - begin));
      break;
    }
    return said;
  }
  // The gateway hands over judged bytes only.
  void client(std::string_view http, std::string said) {
    json::Document document;
    if (clients_.size() > 64 || (http == "POST" && (!document.parse(said) || !session::read_message(document.root())))) return;
    for (const ClientSide& one : clients_)
      if (!one.session.empty()) session_ = one.session;
    clients_.emplace_back();
    ClientSide& made = clients_.back();
    if (http == "POST") made.body = document.canonical();
    CallContext context = context_;
    context.session = session_;
    made.exchange = &bridge_->send({&server_, nullptr}, Clearance::make(http, made.body, context), made);
    settle();
  }

  ManualClock clock_;
  bridge::Registry registry_;
  std::unique_ptr<net::Loop> loop_ = std::move(*net::Loop::create(&clock_));
  ServerSide below_;
  std::unique_ptr<bridge::Bridge> bridge_ = std::make_unique<bridge::Bridge>(*loop_, below_, registry_);
  Server server_;
  CallContext context_;
  std::string session_;
  std::deque<ClientSide> clients_;
};

}  // namespace
}  // namespace callgate

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 16'384) return 0;
  callgate::Play play(data[0] % 2 == 1);
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (int lines = 0; !rest.empty() && lines < 100; ++lines) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!line.empty()) play.line(line[0], line.substr(1));
  }
  return 0;
}
