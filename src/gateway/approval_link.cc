// A call that waits, told as a link where the client can show one to its user: an elicitation in URL mode, in the words of its revision.
// The link only shows how to decide; whether the user opened it changes nothing (T-64, T-70).

#include "gateway/call.h"
#include "gateway/worker.h"
#include "json/writer.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {
namespace {

constexpr int kUrlElicitationRequired = -32042;  // 2025-11-25

}  // namespace

bool Call::can_open_links() const {
  const Options& options = worker_.rooms().options;
  if (!options.approval_elicitation || options.public_url.empty() || inner_) return false;
  if (era_ == session::Era::Modern) {
    // Once: a client without a person answers by itself, round after round. And what it answered a server would be lost in between.
    if (message_.request_state.exists() || message_.input_responses.exists()) return false;
    return session::read_features(message_.of_meta.capabilities).elicitation_url;
  }
  return session_ && session_->revision == "2025-11-25" && session_->features.elicitation_url;
}

void Call::append_link(json::Writer& writer, std::string_view message) const {
  writer.begin_object().member("mode", "url");
  if (era_ == session::Era::Legacy) writer.member("elicitationId", asking_->id);
  writer.member("url", approval_url()).member("message", message).end_object();
}

// True: the answer is made. In 2026-07-28 it is a result that wants input; in 2025-11-25 an error of its own.
bool Call::answer_with_link(const std::string& text) {
  if (!can_open_links()) return false;
  if (era_ == session::Era::Legacy) {
    rpc_code_ = kUrlElicitationRequired;
    json::Writer writer(rpc_data_);
    writer.begin_object().key("elicitations").begin_array();
    append_link(writer, text);
    writer.end_array().member("code", "approval.pending").member("approval", asking_->id).member("decision_id", decision_id_).end_object();
    return false;  // refused as usual, with this code and data
  }
  effect_ = Effect::Deny;
  reason_ = "approval.pending";
  message_text_ = text;
  rewritten_.clear();
  json::Writer writer(rewritten_);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(request_id_).key("result").begin_object();
  writer.member("resultType", "input_required").key("inputRequests").begin_object().key(kApprovalInput).begin_object();
  writer.member("method", "elicitation/create").key("params");
  append_link(writer, text);
  writer.end_object().end_object().end_object().end_object();
  reply_body_ = rewritten_;
  content_type_ = "application/json";
  status_ = 200;
  finish();
  return true;
}

}  // namespace callgate::gateway
