#include "gateway/hub_question.h"

#include <array>

#include "bridge/header_params.h"
#include "gateway/rewrite.h"
#include "gateway/tool_search.h"
#include "gateway/worker.h"

namespace callgate::gateway {
namespace {

constexpr std::string_view kMetaServerInfo = "io.modelcontextprotocol/serverInfo";

// Lines of a request head that stay put while it is read.
class InnerHead {
 public:
  void add(std::string name, std::string value) {
    auto& kept = lines_[head_.headers().size()];
    kept = {std::move(name), std::move(value)};
    head_.add({kept.first, kept.second});
  }
  bool full() const { return head_.headers().size() == lines_.size(); }
  const net::Head& head() const { return head_; }

 private:
  std::array<std::pair<std::string, std::string>, 32> lines_;
  net::Head head_;
};

std::string argument_text(json::Value value) {
  if (value.is_string()) return std::string(value.string());
  return value.is(json::Kind::True) ? "true" : value.is(json::Kind::False) ? "false" : std::string(value.number());
}

}  // namespace

Hub::Question::Question(Hub& hub, Worker& worker, const ClearedCall& call, upstream::ResponseSink& sink)
    : hub_(hub), worker_(worker), sink_(&sink), grant_id_(call.context().grant_id), body_(call.body()), http_method_(call.method()) {
  caller_.remote = call.context().remote;
  caller_.reason = call.context().reason;
}

// ---- the exchange ---------------------------------------------------------------------------------------------------

void Hub::Question::resume() {
  paused_ = false;
  for (auto& part : parts_) part->drained();
}

void Hub::Question::cancel() {
  sink_ = nullptr;
  for (auto& part : parts_)
    if (!part->over()) part->abandon();
  if (timer_) worker_.loop().disarm(*timer_);
  hub_.done(*this);
}

void Hub::Question::end() {
  auto* sink = std::exchange(sink_, nullptr);
  if (timer_) worker_.loop().disarm(*timer_);
  hub_.done(*this);
  if (sink != nullptr) sink->on_end();
}

void Hub::Question::answer(std::string_view body) {
  if (sink_ == nullptr) return;
  net::Head head;
  head.status = 200;
  head.add({"content-type", "application/json"});
  sink_->on_head(head);
  if (sink_ != nullptr) sink_->on_body(body);
  if (sink_ != nullptr) end();
}

void Hub::Question::answer_error(int code, std::string_view message) {
  std::string body;
  session::append_error(body, message_.id.raw(), code, message);
  answer(body);
}

// ---- what is asked --------------------------------------------------------------------------------------------------

Result<void> Hub::Question::find_caller() {
  caller_.snapshot = worker_.snapshot();
  caller_.grant = caller_.snapshot->directory->find(grant_id_);
  WallTime now = worker_.rooms().clock.now();
  bool good = caller_.grant != nullptr && !caller_.grant->grant.revoked_at && now < caller_.grant->grant.expires_at &&
              !caller_.grant->principal.disabled && !caller_.grant->owner_disabled;
  if (!good) return fail(Code::Unauthenticated, "identity.revoked", "this grant has ended: ask for a new one");
  return {};
}

void Hub::Question::on_batch_end() {
  if (sink_ == nullptr) return;  // cancelled meanwhile
  starting_ = true;
  start();
  starting_ = false;
}

void Hub::Question::start() {
  if (auto parsed = document_.parse(body_); !parsed || http_method_ != "POST")
    return answer_error(session::kInvalidRequest, "not a message");
  auto message = session::read_message(document_.root());
  if (!message) return answer_error(session::kInvalidRequest, message.error().message);
  message_ = *message;
  if (message_.kind != session::MessageKind::Request) {
    net::Head head;
    head.status = 202;
    sink_->on_head(head);
    if (sink_ != nullptr) end();
    return;
  }
  if (auto found = find_caller(); !found) return answer_error(session::kInternalError, found.error().message);
  route();
}

void Hub::Question::route() {
  std::string_view method = message_.method;
  if (method == "server/discover") return discover();
  if (method == "subscriptions/listen") return listen();
  if (method == "tools/list") return searching() ? list_search() : gather("tools");
  if (method == "prompts/list") return gather("prompts");
  if (method == "resources/list") return gather("resources");
  if (method == "resources/templates/list") return gather("resourceTemplates");
  if (method == "prompts/get") return route_by(message_.params["name"], "name", false);
  if (method == "resources/read") return route_by(message_.params["uri"], "uri", true);
  if (method == "completion/complete") return complete_reference();
  if (method.starts_with("tasks/")) return route_by(message_.params["taskId"], "taskId", true);
  if (method != "tools/call") return answer_error(session::kMethodNotFound, "the shared endpoint does not serve this method");
  std::string_view name = message_.params["name"].string();
  if (name == kSearchTools && searching()) return search();
  if (name == kCallTool && searching()) return call_found();
  arguments_ = message_.params["arguments"];
  call(name);
}

void Hub::Question::call(std::string_view shared_name) {
  const SharedTool* tool = hub_.names_for(*caller_.snapshot, *caller_.grant).find(shared_name);
  if (tool == nullptr) return answer_error(session::kInvalidParams, "Unknown tool: " + std::string(shared_name.substr(0, 256)));
  pass(*tool->server, "name", tool->tool);
}

const catalog::ServerEntry* Hub::Question::usable(std::string_view slug) const {
  const catalog::ServerEntry* server = slug.empty() ? nullptr : caller_.snapshot->catalog->server(slug);
  bool good = server != nullptr && !server->server.disabled && identity::may_use_server(*caller_.grant, server->server);
  return good ? server : nullptr;
}

// `shared` names its server; the rest is what that server calls it.
void Hub::Question::route_by(json::Value shared, std::string_view parameter, bool uri) {
  SplitName split = uri ? split_uri(shared.string()) : split_prompt(shared.string());
  const catalog::ServerEntry* server = usable(split.slug);
  if (server == nullptr)
    return answer_error(session::kInvalidParams, "unknown " + std::string(parameter) + ": take it from the list of this endpoint");
  pass(*server, parameter, split.rest);
}

void Hub::Question::complete_reference() {
  json::Value ref = message_.params["ref"];
  bool uri = ref["uri"].is_string();
  route_by(ref[uri ? "uri" : "name"], "ref", uri);
}

// The client's message with one name put into the server's words. Arguments that were inside others come out.
std::string Hub::Question::pass_body(std::string_view parameter, std::string_view inner_value) const {
  std::string out;
  json::Writer writer(out);
  append_with(writer, document_.root(), "params", [&](json::Value params) {
    writer.begin_object();
    params.for_each_member([&](std::string_view name, json::Value given) {
      if (name == "arguments" && message_.method == "tools/call") return;
      writer.key(name);
      if (name != parameter) return void(writer.raw(given.raw()));
      if (parameter != "ref") return void(writer.string(inner_value));
      rewrite(writer, given, [&](std::string_view field, json::Value) {
        const bool named = field == "name" || field == "uri";
        if (named) writer.key(field).string(inner_value);
        return named;
      });
    });
    if (arguments_.exists()) writer.key("arguments").raw(arguments_.raw());
    writer.end_object();
  });
  return out;
}

void Hub::Question::pass(const catalog::ServerEntry& server, std::string_view parameter, std::string_view inner_value) {
  mode_ = Mode::Pass;
  server_ = &server;
  left_ = 1;
  bool named = message_.method == "tools/call" || message_.method == "prompts/get" || message_.method == "resources/read" ||
               message_.method.starts_with("tasks/");
  ask(server, 0, pass_body(parameter, inner_value), named ? inner_value : std::string_view());
}

// One inner request in the words of 2026-07-28. The walk it takes may answer before this returns.
void Hub::Question::ask(const catalog::ServerEntry& server, std::size_t position, const std::string& body, std::string_view name) {
  InnerHead head;
  head.add("content-type", "application/json");
  head.add("accept", "application/json, text/event-stream");
  head.add("mcp-protocol-version", std::string(session::kModernRevision));
  head.add("mcp-method", std::string(message_.method));
  if (!name.empty()) head.add("mcp-name", bridge::header_value(name));
  if (message_.method == "tools/call")
    if (const schema::Schema* schema = server.input_schema(name); schema != nullptr)
      for (const schema::Mirrored& mirrored : schema->mirrored().parameters) {
        json::Value value = arguments_;
        for (const std::string& step : mirrored.path) value = value[step];
        if (value.exists() && !value.is(json::Kind::Null) && !head.full())
          head.add(mirrored.header, bridge::header_value(argument_text(value)));
      }
  std::string path = "/mcp/" + server.server.slug;
  listener::Request request;
  request.head = &head.head();
  request.method = "POST";
  request.path = path;
  request.body = body;
  parts_.push_back(std::make_unique<Part>(*this, position));
  worker_.handle_inner(request, *parts_.back(), caller_);
}

// ---- answered here --------------------------------------------------------------------------------------------------

void Hub::Question::discover() {
  std::string names;
  for (const auto* server : shared_servers(*caller_.snapshot->catalog, *caller_.grant))
    (names += names.empty() ? "" : ", ") += server->server.name;
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(message_.id.raw()).key("result").begin_object();
  writer.member("resultType", "complete").key("supportedVersions").raw(session::kSupportedVersions);
  writer.key("capabilities")
      .raw(R"({"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{}})");
  if (!names.empty()) writer.member("instructions", "One gate to several servers: " + names + ".");
  writer.member("ttlMs", std::int64_t{0}).member("cacheScope", "private").key("_meta").begin_object().key(kMetaServerInfo).begin_object();
  writer.member("name", "callgate").member("version", CALLGATE_VERSION).end_object().end_object().end_object().end_object();
  answer(body);
}

}  // namespace callgate::gateway
