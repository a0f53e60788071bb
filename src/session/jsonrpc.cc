#include "session/jsonrpc.h"

#include <algorithm>
#include <array>
#include <utility>

#include "json/writer.h"
#include "net/http1.h"

namespace callgate::session {
namespace {

// What somebody in this gate decides by.
constexpr std::array<std::string_view, 19> kParameterKeys = {
    "name",         "arguments",      "uri",          "_meta",        "cursor", "ref",           "argument",  "task",
    "requestState", "inputResponses", "mode",         "capabilities", "url",    "notifications", "requestId", "requestedSchema",
    "taskId",       "tools",          "progressToken"};
constexpr std::string_view kMetaReason = "callgate/reason";
constexpr std::size_t kIdBytesMax = 256;
constexpr std::size_t kMethodBytesMax = 128;

bool ascii(std::string_view text) {
  for (char c : text)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

// A key that some parser could take for a reserved one, but that we would not (T-01): other case, or not ASCII at all.
template <std::size_t N> bool imitates(std::string_view key, const std::array<std::string_view, N>& reserved) {
  for (std::string_view name : reserved)
    if (net::equals_ignoring_case(key, name)) return key != name;
  return !ascii(key);
}

// The members that Message has no place for as they stand.
struct Envelope {
  json::Value version, method;
};

// Where a member is kept; null: nowhere. By size first: a comparison of one size is a few instructions.
json::Value* place_of_parameter(Message& message, std::string_view key) {
  switch (key.size()) {
    case 4: return key == "name" ? &message.name : key == "task" ? &message.task : nullptr;
    case 5: return key == "_meta" ? &message.meta : nullptr;
    case 9: return key == "arguments" ? &message.arguments : nullptr;
    case 12: return key == "requestState" ? &message.request_state : nullptr;
    case 14: return key == "inputResponses" ? &message.input_responses : nullptr;
    default: return nullptr;
  }
}

json::Value* place_of_meta(Message::Meta& meta, std::string_view key) {
  switch (key.size()) {
    case 11: return key == "traceparent" ? &meta.traceparent : nullptr;
    case kMetaReason.size(): return key == kMetaReason ? &meta.reason : nullptr;
    case kMetaClientInfo.size(): return key == kMetaClientInfo ? &meta.client_info : nullptr;
    case kMetaVersion.size(): return key == kMetaVersion ? &meta.version : nullptr;
    case kMetaCapabilities.size(): return key == kMetaCapabilities ? &meta.capabilities : nullptr;
    default: return nullptr;
  }
}

// All members in one pass, then those of params, then those of params._meta.
Result<void> read_envelope(json::Value root, Envelope& envelope, Message& message) {
  std::string_view wrong;
  bool fine = true;
  root.for_each_member([&](std::string_view key, json::Value value) {
    json::Value* member = nullptr;
    switch (key.size()) {  // first: a comparison of one size is a few instructions
      case 2: member = key == "id" ? &message.id : nullptr; break;
      case 5: member = key == "error" ? &message.error : nullptr; break;
      case 6:
        member = key == "method" ? &envelope.method : key == "params" ? &message.params : key == "result" ? &message.result : nullptr;
        break;
      case 7: member = key == "jsonrpc" ? &envelope.version : nullptr; break;
      default: break;
    }
    if (member != nullptr) *member = value;
    else if (std::exchange(fine, false)) wrong = key.empty() ? std::string_view("(empty)") : key;
  });
  if (!fine)
    return fail(
        Code::InvalidRequest, "rpc.envelope_key",
        "unexpected member `" + std::string(wrong.substr(0, 40)) + "` in the message: only jsonrpc, id, method, params, result, error");
  message.params.for_each_member([&](std::string_view key, json::Value value) {
    if (json::Value* member = place_of_parameter(message, key)) *member = value;
    else if (fine && imitates(key, kParameterKeys)) wrong = key, fine = false;
  });
  if (!fine)
    return fail(
        Code::InvalidRequest, "rpc.parameter_key",
        "parameter `" + std::string(wrong.substr(0, 40)) + "` imitates a reserved name: spell it exactly as the specification does");
  message.meta.for_each_member([&](std::string_view key, json::Value value) {
    if (json::Value* member = place_of_meta(message.of_meta, key)) *member = value;
  });
  return {};
}

// MCP allows strings and integers. Beyond 2^53 - 1 peers round, and an answer could be matched to another request (T-11).
Result<void> check_id(json::Value id) {
  if (id.is_string() && id.raw().size() <= kIdBytesMax) return {};
  if (id.is_number()) {
    std::string_view text = id.number();
    std::string_view digits = !text.empty() && text[0] == '-' ? text.substr(1) : text;
    bool whole = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }) && text != "-0";
    constexpr std::string_view kLargest = "9007199254740991";
    if (whole && (digits.size() < kLargest.size() || (digits.size() == kLargest.size() && digits <= kLargest))) return {};
  }
  return fail(Code::InvalidRequest, "rpc.id", "the id must be a string of at most 250 bytes or an integer within +-(2^53 - 1)");
}

Result<void> check_response(const Message& message) {
  if (message.result.exists() == message.error.exists())
    return fail(Code::InvalidRequest, "rpc.response", "an answer carries either a result or an error");
  if (message.error.exists() && !(message.error.is_object() && message.error["code"].is_number() && message.error["message"].is_string()))
    return fail(Code::InvalidRequest, "rpc.response", "an error needs a numeric code and a message text");
  if (message.id.exists() && message.id.kind() == json::Kind::Null && message.error.exists()) return {};  // unreadable request
  if (!message.id.exists() && message.error.exists()) return {};
  return check_id(message.id);
}

// Into a message that holds nothing yet.
Result<void> read_fresh(json::Value root, Message& message) {
  if (root.is_array()) return fail(Code::InvalidRequest, "rpc.batch", "batches are not accepted: send each message in its own POST");
  if (!root.is_object()) return fail(Code::InvalidRequest, "rpc.not_an_object", "a message is one JSON object");
  Envelope envelope;
  CG_CHECK(read_envelope(root, envelope, message));
  if (envelope.version.string() != "2.0") return fail(Code::InvalidRequest, "rpc.version", "`jsonrpc` must be the string \"2.0\"");
  if (!envelope.method.exists()) {
    message.kind = MessageKind::Response;
    if (message.params.exists()) {  // an answer has none, whatever it carries
      for (json::Value* value : {&message.params, &message.name, &message.arguments, &message.meta, &message.request_state,
                                 &message.input_responses, &message.task})
        *value = {};
      message.of_meta = {};
    }
    return check_response(message);
  }
  const std::string_view method = envelope.method.string();
  if (method.empty() || method.size() > kMethodBytesMax || !ascii(method))
    return fail(Code::InvalidRequest, "rpc.method", "`method` must be a short ASCII name");
  if (message.result.exists() || message.error.exists())
    return fail(Code::InvalidRequest, "rpc.mixed", "a message is a request or an answer, not both");
  message.method = method;
  if (message.params.exists() && !message.params.is_object()) return fail(Code::InvalidRequest, "rpc.params", "`params` must be an object");
  if (message.id.exists()) return check_id(message.id);
  message.kind = MessageKind::Notification;
  return {};
}

}  // namespace

Result<void> read_message(json::Value root, Message& into) {
  into = {};
  auto read = read_fresh(root, into);
  if (!read) into = {};
  return read;
}

Result<Message> read_message(json::Value root) {
  Result<Message> message;
  if (auto read = read_fresh(root, *message); !read) message = pass_on(read.error());
  return message;
}

bool same_id(json::Value a, json::Value b) {
  if (!a.exists() || !b.exists() || a.kind() != b.kind()) return false;
  return a.is_string() ? a.string() == b.string() : a.is_number() && a.number() == b.number();
}

void append_error(std::string& out, std::string_view id, int code, std::string_view message, std::string_view data) {
  json::Writer writer(out);
  writer.begin_object().member("jsonrpc", "2.0").key("id");
  if (id.empty()) writer.null();
  else writer.raw(id);
  writer.key("error").begin_object().member("code", std::int64_t{code}).member("message", message);
  if (!data.empty()) writer.key("data").raw(data);
  writer.end_object().end_object();
}

}  // namespace callgate::session
