#pragma once
// What one call knows while it walks: first what every call learns, side by side because many calls are under way at once and each
// line of memory one touches pushes out another; then what few learn. Facts only; what is done with them is Call (call.h), which alone
// may touch them. One worker; Call::reset() empties it and keeps its memory.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/content_hash.h"
#include "flows/flows.h"
#include "gateway/asking.h"
#include "gateway/event_link.h"
#include "gateway/filter.h"
#include "gateway/methods.h"
#include "gateway/snapshot.h"
#include "json/stream_check.h"
#include "limits/limits.h"
#include "listener/listener.h"
#include "model/record.h"
#include "session/sse.h"
#include "session/table.h"
#include "upstream/upstream.h"

namespace callgate::gateway {

class CallState {
 protected:
  enum class Form : std::uint8_t { Request, Notification, Stream, Close };  // POST, POST, GET, DELETE
  enum class Body : std::uint8_t { None, Whole, Pieces, Events };           // how the answer arrives

  struct Pieces {  // an answer too large to be held, checked and digested as it passes
    explicit Pieces(const json::Caps& caps) : check(caps) {}
    json::StreamCheck check;
    ContentHash digest;
  };

  listener::Reply* reply_ = nullptr;  // null: the client is gone
  upstream::Exchange* exchange_ = nullptr;
  std::shared_ptr<const Snapshot> snapshot_;
  const identity::GrantEntry* caller_ = nullptr;
  const catalog::ServerEntry* server_ = nullptr;
  std::shared_ptr<const session::Session> session_;
  Visibility visibility_;
  const MethodEntry* method_ = nullptr;
  const net::Head* head_ = nullptr;  // of the request, while it is admitted
  MonoTime started_{}, decided_at_{}, sent_at_{}, answered_at_{}, last_write_{};
  WallTime wall_{};
  std::size_t slot_ = 0, stream_slot_ = 0;  // in Worker::calls_ and, while open, in its streams
  Form form_ = Form::Request;
  session::Era era_ = session::Era::Legacy;
  Effect effect_ = Effect::Deny;
  Body body_form_ = Body::None;
  bool in_batch_ = false, inner_ = false;      // asked by the gate itself: a member of a batch; for the shared endpoint
  bool over_events_ = false;                   // at the endpoints of HTTP+SSE, with link_
  bool shared_ = false;                        // to the shared endpoint: judged by the inner calls it leads to
  bool recorded_inside_ = false;               // and recorded by them
  bool resuming_ = false, resumable_ = false;  // a stream that goes on another; one that could
  bool answer_read_ = false;                   // it came in one piece and was parsed where it lay
  bool answered_early_ = false;                // the client's answers came with the call, and were used
  bool queued_ = false, finished_ = false, delivered_ = false, streaming_ = false, stream_begun_ = false, paused_ = false,
       in_flight_ = false;
  bool intent_added_ = false, event_reply_ = false, cut_ = false;
  int upstream_status_ = 0, status_ = 200;
  int rpc_code_ = 0;  // what the refusal says instead of the standard code and data
  std::uint32_t rule_line_ = 0;
  std::uint32_t found_ = 0;    // by inspection
  std::uint32_t dropped_ = 0;  // upstream messages that were not relayed
  std::uint32_t asked_ = 0;    // questions of the server during this call
  std::int64_t retry_after_ms_ = -1;
  std::uint64_t announced_ = 0;  // how long the answer says it is
  std::uint64_t result_bytes_ = 0;
  std::string_view reason_ = "ok", outcome_ = "none";
  std::string_view body_;        // what goes upstream
  std::string_view result_;      // in answer_: its digest is made when the record is stored
  std::string_view reply_body_;  // what goes to the client
  std::string_view content_type_;
  limits::Reservation reservation_;
  flows::State flow_;                         // what the session had seen when this was judged; null: nothing looks at it
  std::shared_ptr<Asking> asking_;            // null: nobody has to be asked
  std::shared_ptr<EventLink> link_;           // the stream this is, or that this was posted to
  std::unique_ptr<policy::Scratch> scratch_;  // lent by the worker; null: nothing views it, see Call::scratch()
  std::unique_ptr<json::Document> answer_;    // lent by the worker, see Call::answer()
  std::unique_ptr<Pieces> pieces_;            // Body::Pieces
  json::Document document_;                   // the request
  session::Message message_;
  std::string decision_id_, http_line_, remote_text_, client_, request_id_;
  std::string head_lines_, extra_lines_;  // what goes upstream beside body_; to the client beside the standard ones
  std::string rule_, message_text_, arguments_json_, detail_json_, stated_reason_, traceparent_;
  policy::Decision decision_;
  IpAddress remote_;

  // What inspection found, as members of a list; the subject, when it holds a secret.
  std::string findings_json_, masked_subject_;
  std::string ask_message_;                  // why inspection asks for a person; empty: it does not
  std::string_view ask_rule_, ask_finding_;  // the line of the policy that says so, and the finding
  std::uint32_t ask_line_ = 0;
  std::string body_text_;                 // when body_ is not in document_
  std::string flow_part_, flow_json_;     // which part of the grant it is; what the record says of it
  std::string task_;                      // the task this request names, as the server does
  std::vector<std::string> task_labels_;  // of the call that made it
  std::string rpc_data_;
  std::string buffer_;            // a whole answer that came in pieces; or the piece held back
  std::string upstream_session_;  // as the upstream named it on initialize
  std::vector<std::string> asked_ids_;
  std::string answered_method_;          // what this POST answers
  std::string out_, rewritten_;          // what goes to the client, when it is not in answer_
  std::optional<Digest> result_digest_;  // of a result that came in pieces, or was read again without what was cut out of it
  std::uint64_t listed_epoch_ = 0;       // open streams: what of the tools the caller was last known to see
  std::optional<Digest> listed_;
  std::optional<session::SseReader> events_;  // Body::Events
};

}  // namespace callgate::gateway
