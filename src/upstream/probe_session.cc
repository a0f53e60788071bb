#include "upstream/probe_session.h"

#include <algorithm>

#include "json/writer.h"

namespace callgate::upstream {
namespace {

json::Caps caps_of(const Server& server) {
  json::Caps caps;
  caps.bytes_max = server.response_bytes_max;
  return caps;
}

std::string meta() {
  std::string text;
  json::Writer writer(text);
  writer.begin_object().member("io.modelcontextprotocol/protocolVersion", kModern);
  writer.key("io.modelcontextprotocol/clientInfo")
      .begin_object()
      .member("name", "callgate")
      .member("version", CALLGATE_VERSION)
      .end_object();
  writer.key("io.modelcontextprotocol/clientCapabilities").begin_object().end_object();
  writer.end_object();
  return text;
}

}  // namespace

std::chrono::milliseconds ProbeSession::time_left() const {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - SystemClock().mono());
  return std::clamp(left, std::chrono::milliseconds(1), std::max(patience, std::chrono::milliseconds(1)));
}

ProbeRequest ProbeSession::request_for(std::string_view method) const {
  ProbeRequest request;
  request.headers = {"Content-Type: application/json", "Accept: application/json, text/event-stream",
                     "User-Agent: callgate/" CALLGATE_VERSION};
  if ((modern() || names_methods) && !method.empty()) request.headers.push_back("Mcp-Method: " + std::string(method));
  // A legacy server learns the revision from initialize; before that the header would be a claim about nothing.
  if (method != "initialize") request.headers.push_back("MCP-Protocol-Version: " + era);
  if (!session_id.empty()) request.headers.push_back("Mcp-Session-Id: " + session_id);
  return request;
}

Result<void> ProbeSession::ask(std::string_view method, std::string_view params, ProbeAnswer& answer) {
  const std::string id = std::to_string(next_id_++);
  ProbeRequest request = request_for(method);
  request.body = R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + std::string(method) + R"(","params":{)" + std::string(params);
  if (modern()) request.body += std::string(params.empty() ? "" : ",") + R"("_meta":)" + meta();
  request.body += "}}";
  request.is_answer = [&](std::string_view data) {
    json::Document document;
    if (!document.parse(data, caps_of(server_))) return false;
    const json::Value root = document.root();
    return root["id"].exists() && root["id"].raw() == id && !root["method"].exists();
  };
  CG_TRY(const ProbeReply reply, client_.send(request, time_left()));
  read(reply, id, answer);
  return {};
}

void ProbeSession::read(const ProbeReply& reply, std::string_view id, ProbeAnswer& answer) const {
  answer.status = reply.status;
  answer.content_type = reply.content_type;
  answer.session_id = reply.session_id;
  answer.location = reply.location;
  answer.json = false;
  answer.document.clear();
  if (reply.body.empty()) {
    answer.problem = reply.event_stream ? "the event stream ended without an answer" : "the answer is empty";
    return;
  }
  if (auto parsed = answer.document.parse(reply.body, caps_of(server_)); !parsed) {
    answer.problem = "the answer is not acceptable JSON: " + parsed.error().message;
    return;
  }
  const json::Value root = answer.document.root();
  if (root["jsonrpc"].string() != "2.0" || (!root["result"].is_object() && !root["error"].is_object())) {
    answer.problem = "the answer is JSON, but not JSON-RPC 2.0";
    return;
  }
  // An error about a request that could not be read has no id to give back.
  const bool ours = root["id"].exists() && root["id"].raw() == id;
  if (!ours && !(root["error"].exists() && (!root["id"].exists() || root["id"].is(json::Kind::Null)))) {
    answer.problem = "the answer carries the id of another request";
    return;
  }
  answer.json = true;
}

Result<int> ProbeSession::notify(std::string_view method) {
  ProbeRequest request = request_for(method);
  request.body = R"({"jsonrpc":"2.0","method":")" + std::string(method) + R"("})";
  CG_TRY(const ProbeReply reply, client_.send(request, time_left()));
  return reply.status;
}

void ProbeSession::end() {
  if (session_id.empty()) return;
  ProbeRequest request = request_for("");
  request.method = "DELETE";
  request.headers.erase(request.headers.begin());  // no content, no Content-Type
  [[maybe_unused]] const auto reply = client_.send(request, std::min(time_left(), std::chrono::milliseconds(2'000)));
  session_id.clear();
}

}  // namespace callgate::upstream
