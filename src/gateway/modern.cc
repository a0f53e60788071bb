// What the gate changes in a stateless request before it leaves, and the seal on a server's state between two of them.
// Source: MCP 2026-07-28, multi-round-trip requests: a state is attacker-controlled, so it is bound to the caller, the call and a time.

#include "base/encoding.h"
#include "gateway/call.h"
#include "gateway/rewrite.h"
#include "gateway/worker.h"
#include "json/writer.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {
namespace {

using namespace std::chrono_literals;

constexpr auto kStateLife = 1h;  // a person may take a while over a form

bool per_round(std::string_view parameter) { return parameter == "_meta" || parameter == "inputResponses" || parameter == "requestState"; }

std::int64_t unix_ms(WallTime time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count(); }

}  // namespace

// Whose state it is, and of which call: the same method and parameters, by the same caller, at the same server.
std::string Call::state_owner() const {
  std::string call(message_.method);
  message_.params.for_each_member([&](std::string_view name, json::Value value) {
    if (per_round(name)) return;
    call += '\n';
    json::append_quoted(call, name);
    call += value.raw();
  });
  Digest digest = sha256(call);
  return "request-state:" + caller_->principal.id + ":" + caller_->grant.id + ":" + server_->server.id + ":" + hex_encode(digest);
}

Result<std::string> Call::seal_state(std::string_view state) const {
  std::string plain = std::to_string(unix_ms(worker_.rooms().clock.now() + kStateLife)) + "\n";
  plain += state;
  return worker_.rooms().vault->seal(state_owner(), Secret(std::move(plain)));
}

Result<std::string> Call::open_state(std::string_view sealed) const {
  auto refused = [] {
    return fail(Code::InvalidArgument, "input.state",
                "requestState is not one this gate gave you for this call, or it has expired: make the call anew without it");
  };
  auto plain = worker_.rooms().vault->open(state_owner(), sealed);
  if (!plain) return refused();
  std::string_view text = plain->reveal();
  std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return refused();
  std::int64_t until = std::strtoll(std::string(text.substr(0, line)).c_str(), nullptr, 10);
  if (unix_ms(wall_) >= until) return refused();
  return std::string(text.substr(line + 1));
}

// Most requests leave as they were judged. Two things are put right: a server is not told of client capabilities it may not use here,
// and it gets back the state it gave out.
Result<void> Call::dress_modern() {
  if (message_.kind != session::MessageKind::Request) return {};
  json::Value capabilities = message_.of_meta.capabilities;
  auto withheld = [&](std::string_view name) {
    for (std::string_view method : {"elicitation/create", "sampling/createMessage", "roots/list"})
      if (session::capability_for(method) == name) return visibility_.policy == nullptr || !visibility_.policy->allows_method(method);
    return false;
  };
  bool narrowed = false;
  capabilities.for_each_member([&](std::string_view name, json::Value) { narrowed |= withheld(name); });
  json::Value sealed = message_.request_state;
  bool answers = answers_approval_only("inputResponses", message_.input_responses);  // this gate asked, not the server
  if (!narrowed && !sealed.exists() && !answers) return {};
  std::string state;
  if (sealed.exists()) {
    if (!sealed.is_string()) return fail(Code::InvalidArgument, "input.state", "requestState must be a text");
    CG_TRY(state, open_state(sealed.string()));
  }
  body_text_.clear();
  json::Writer writer(body_text_);
  append_with(writer, document_.root(), "params", [&](json::Value params) {
    rewrite(writer, params, [&](std::string_view name, json::Value given) {
      if (answers_approval_only(name, given)) return true;
      if (name != "requestState" && name != "_meta") return false;
      writer.key(name);
      if (name == "requestState") return writer.string(state), true;
      append_with(writer, given, session::kMetaCapabilities, [&](json::Value declared) {
        rewrite(writer, declared, [&](std::string_view capability, json::Value) { return withheld(capability); });
      });
      return true;
    });
  });
  body_ = body_text_;
  return {};
}

// Whether everything that is asked now was answered in the call itself. A server of this revision would have looked there first; one of
// the older ones cannot, so its question came back through the bridge.
bool Call::answered_before(json::Value result) const {
  if (shared_ || era_ != session::Era::Modern || !bridge::Bridge::needed(server_->server, true)) return false;
  json::Value given = message_.input_responses, asked = result["inputRequests"];
  if (result["resultType"].string() != "input_required" || !result["requestState"].is_string() || asked.size() == 0) return false;
  bool all = true;
  asked.for_each_member([&](std::string_view key, json::Value) { all = all && given[key].is_object(); });
  return all;
}

// The question is judged and recorded as if it had been shown; then the call goes on with the answers that are there.
bool Call::go_on_with_answers(json::Value root) {
  if (answered_early_ || !message_.input_responses.is_object() || message_.request_state.exists()) return false;
  json::Value result = root["result"];
  if (!answered_before(result) || !session::same_id(root["id"], message_.id)) return false;
  std::string state(result["requestState"].string());
  if (auto judged = judge_inputs(result["inputRequests"]); !judged) {
    release_parked(state);
    upstream_failed(judged.error(), limits::CallOutcome::UpstreamError);
    return true;
  }
  answered_early_ = true;
  json::Document sent;
  if (!sent.parse(body_)) return false;
  std::string body;
  json::Writer writer(body);
  append_with(writer, sent.root(), "params", [&](json::Value params) {
    writer.begin_object();
    params.for_each_member([&](std::string_view name, json::Value value) { writer.key(name).raw(value.raw()); });
    writer.member("requestState", std::string_view(state)).end_object();
  });
  body_text_ = std::move(body);
  body_ = body_text_;
  buffer_.clear();
  answer_read_ = false;
  body_form_ = Body::None;
  worker_.queue_send(*this);
  return true;
}

// A question that is not shown: nobody will come back for the call that waits for its answer.
void Call::release_parked(std::string_view state) {
  CallContext context;
  context.modern = true;
  context.principal_id = caller_->principal.id;
  context.grant_id = caller_->grant.id;
  worker_.release_parked(context, server_->server, body_, state);
}

// T-30: a resource is subscribed to here as by resources/subscribe, and judged as that. What is refused is not acknowledged.
Result<void> Call::dress_subscriptions() {
  json::Value wanted = message_.params["notifications"]["resourceSubscriptions"];
  if (message_.method != "subscriptions/listen" || !wanted.is_array()) return {};
  std::string uris;
  json::Writer list(uris);
  list.begin_array();
  wanted.for_each_element([&](json::Value uri) {
    std::string text;
    json::Writer(text).begin_object().key("uri").raw(uri.raw()).end_object();
    json::Document params;
    auto judged = params.parse(text);
    if (judged) judged = judge_also("resources/subscribe", uri.string(), params.root());
    if (judged) list.raw(uri.raw());
    else record_question("resources/subscribe", request_id_, judged);
  });
  list.end_array();
  json::Document document;
  CG_CHECK(document.parse(body_));
  json::Value params = document.root()["params"];
  std::string filter = with_member(params["notifications"], "resourceSubscriptions", uris);
  body_text_ = with_member(document.root(), "params", with_member(params, "notifications", filter));
  body_ = body_text_;
  return {};
}

}  // namespace callgate::gateway
