#pragma once
// One exchange between a client and an upstream, from the judged request to the recorded reply. The walk is two halves:
// admit (admit.cc: identity, catalog, session, policy, limits) and complete (complete.cc, relay.cc), around the upstream.
// Lives on one worker, is reused, and leaves only by finish(): one exit writes the record, whatever happened.

#include <optional>
#include <string>
#include <string_view>

#include "base/content_hash.h"
#include "gateway/asking.h"
#include "gateway/auth_memo.h"
#include "gateway/clearance.h"
#include "gateway/errand.h"
#include "gateway/filter.h"
#include "gateway/methods.h"
#include "gateway/reply.h"
#include "gateway/rooms.h"
#include "json/stream_check.h"
#include "json/writer.h"
#include "session/sse.h"
#include "upstream/upstream.h"

namespace callgate::gateway {

class Worker;

class Call final : public listener::ReplyObserver, public upstream::ResponseSink {
 public:
  explicit Call(Worker& worker) : worker_(worker) {}

  void begin(const listener::Request& request, listener::Reply& reply);

  // Called by the worker's batch hook, in this order.
  bool stopped_by_flow();  // refused already; else noted, and it may be sent
  bool counted() const { return !reservation_.empty(); }
  void add_intent();  // once; before the effect in strict mode, before the first byte of a stream
  void add_record();  // once, when it is finished
  void dispatch(const Counted& counted, const Recordable& recordable);
  void refuse_unsent(Error error);
  void deliver(bool recorded);

  // Open streams: every half second, and when the keep-alive is due.
  void recheck(const Snapshot& snapshot, WallTime now);
  void keep_alive(MonoTime now);

  bool waiting() const;  // for a person, or for what a person said
  // HTTP+SSE: what else goes to this client's stream; its end, for a reason of the link's own.
  void push(std::string_view events);
  void cut_link(std::string_view reason, std::string message);
  bool finished() const { return finished_; }
  std::string_view method() const { return message_.method; }
  std::string_view request_id() const { return request_id_; }

  bool endless() const { return form_ == Form::Stream || message_.method == "subscriptions/listen"; }
  void stop();  // the gate stops: what was sent is recorded as it stands

  // listener::ReplyObserver
  void on_client_gone() override;
  void on_half_close() override;
  void on_drained() override;
  // upstream::ResponseSink
  void on_head(const net::Head& head) override;
  void on_body(std::string_view piece) override;
  void on_end() override;
  void on_error(const Error& error, bool sent) override;

 private:
  friend class Worker;
  enum class Form : std::uint8_t { Request, Notification, Stream, Close };  // POST, POST, GET, DELETE
  enum class Body : std::uint8_t { None, Whole, Pieces, Events };           // how the answer arrives

  // admit.cc
  Result<void> admit(const listener::Request& request);
  Result<void> identify(const listener::Request& request);
  Result<void> find_server(const listener::Request& request);
  Result<void> admit_post(const listener::Request& request);
  Result<void> admit_stream(const listener::Request& request);
  Result<void> admit_close(const listener::Request& request);
  Result<void> admit_link(const listener::Request& request);
  Result<void> read_post(const listener::Request& request);
  Result<void> join_session(const listener::Request& request);
  Result<void> check_version_header(const net::Head& head) const;
  Result<void> admit_method();
  Result<void> admit_answer();
  Result<void> admit_shared();
  Result<void> admit_governed();
  Result<void> admit_tool_call();
  Result<void> check_arguments(std::string_view tool);
  Result<void> check_mirrored(std::string_view tool, const schema::Schema& schema);
  policy::Input policy_input(std::string_view method, std::string_view subject, json::Value arguments) const;
  Result<void> decide(std::string_view subject, json::Value arguments);
  Result<void> reserve(std::span<const policy::Claim> claims);
  void read_context(const net::Head& head);
  void capture();
  void compose_head(const net::Head& head);

  // flow.cc
  std::string flow_part() const;
  flows::Trail trail() const { return {caller_->grant.id, flow_part_}; }
  Result<void> look_at_flow();
  Result<policy::FlowStep> judge_flow(const policy::FlowState& state);
  bool asked_about(const policy::Ask& ask) const;
  policy::FlowStep flow_step(policy::FlowStep step, std::vector<std::string_view>& labels) const;
  Result<void> pass_flow();
  std::string with_flow(std::string detail) const;
  Result<void> spotlight(session::Message& message);

  // approval.cc
  Result<void> ask_person(const policy::Ask& ask, std::string_view message);
  Result<approvals::Proposal> propose(const policy::Ask& ask, std::string_view message);
  void look_up_approval();
  void on_standing(const Result<approvals::Standing>& standing);
  void use_approval();
  void on_used(const Result<void>& used);
  Result<void> judge_again();
  Result<const identity::GrantEntry*> caller_now(const Snapshot& snapshot) const;
  void hold_call();
  void append_waiting(std::string& out) const;
  void recheck_waiting(const Snapshot& snapshot, WallTime now);
  void answer_pending();
  std::string approval_url() const;
  void stop_waiting();
  // approval_link.cc
  bool can_open_links() const;
  void append_link(json::Writer& writer, std::string_view message) const;
  bool answer_with_link(const std::string& text);
  void record_approval(Effect effect, std::string_view reason);
  void note_approval();

  // modern.cc
  std::string state_owner() const;
  Result<std::string> seal_state(std::string_view state) const;
  Result<std::string> open_state(std::string_view sealed) const;
  bool answered_before(json::Value result) const;
  bool go_on_with_answers(json::Value root);
  void release_parked(std::string_view state);
  Result<void> dress_modern();
  void dress_subscriptions();

  // tasks.cc
  std::string task_owner() const;
  struct OpenedTask {
    std::string id;
    std::vector<std::string> labels;  // of the call that made it
  };
  std::optional<OpenedTask> open_task(std::string_view given) const;
  std::string sealed_task(std::string_view id) const;
  bool may_name_tasks() const;
  Result<void> admit_task();
  void dress_tasks();
  std::string tasks_for_client(json::Value message, std::string_view method, bool answer);
  bool own_task(const session::Message& notice) const;

  // ask.cc
  Result<void> judge_also(std::string_view method, std::string_view subject, json::Value params);
  Result<void> judge_question(std::string_view method, json::Value params, const session::ClientFeatures& features);
  void record_question(std::string_view method, std::string_view id, const Result<void>& judged);
  void relay_question(session::Message message, const session::SseEvent& event);
  void answer_question(std::string_view id, std::string_view reason, std::string_view refusal);
  Result<void> judge_inputs(json::Value requests);
  Result<void> accept_input_required(json::Value result);
  void forget_questions();

  // inspect.cc
  struct Inspected {  // which lines of the policy speak of it; no method: that of any call
    policy::Direction way;
    std::string_view method, tool;
  };
  std::string_view subject() const;
  std::string_view answers_for() const;
  Result<void> inspect_arguments();
  Result<void> inspect_request(std::string_view method, std::string_view outer, std::string_view inner);
  Result<void> cut_request(const policy::InspectVerdict& verdict, std::string_view method, std::string_view outer, std::string_view inner);
  void ask_for_finding();
  Result<void> judge_rewritten(std::string_view inner);
  bool still_there(std::string_view method) const;
  void mask_captured(json::Value value);
  std::string shown_to_approvers(json::Value call);
  void note_details();
  Result<void> inspect_answer(session::Message& message);
  Result<void> read_rewritten(session::Message& message);
  Result<void> inspect_event(session::Message& message);
  std::string inspect_tools(json::Value tools);
  void inspect_instructions(json::Value result);
  bool collects_for_inspection();
  Result<void> scan(json::Value value);
  policy::InspectVerdict weigh(const Inspected& what, std::string_view place = {});
  Result<std::string> inspected(json::Value value, const Inspected& what, std::string_view place = {});
  Error inspected_refusal(policy::InspectVerdict& verdict, policy::Direction way);
  void withhold(const Error& error);

  // complete.cc
  void refuse(const Error& error);
  void complete_message(json::Value root);
  Result<void> accept_answer(const session::Message& message);
  Result<void> open_session(json::Value result);
  void note_list(const FilterResult& filtered);
  Result<void> keep_approved(session::Message& message);
  Result<void> check_prompt(std::string_view prompt);
  void complete_whole();
  void upstream_failed(const Error& error, limits::CallOutcome outcome);
  void upstream_refused();
  void set_refusal_body(Code code, std::string_view message);
  void finish();
  Record record() const;
  void settle(limits::CallOutcome outcome);
  void recycle_when_done();

  // relay.cc
  void add_events(std::string_view piece);
  void end_events();
  bool on_event(const session::SseEvent& event);
  void relay_event(const session::SseEvent& event, std::string_view data);
  void relay_answer(session::Message message, const session::SseEvent& event);
  void begin_pieces();
  void add_piece(std::string_view piece);
  void end_pieces();
  void start_stream();
  void hold_stream();
  void tell_list_changed(const Snapshot& snapshot, const identity::GrantEntry& caller);
  void deliver_stream(bool recorded);
  void cut(const Error& error);
  void drop_from_streams();
  void reset();

  Worker& worker_;
  listener::Reply* reply_ = nullptr;  // null: the client is gone
  upstream::Exchange* exchange_ = nullptr;
  std::shared_ptr<const Snapshot> snapshot_;
  const identity::GrantEntry* caller_ = nullptr;
  const catalog::ServerEntry* server_ = nullptr;
  std::shared_ptr<const session::Session> session_;
  Visibility visibility_;
  const MethodEntry* method_ = nullptr;
  const net::Head* head_ = nullptr;  // of the request, while it is admitted

  // the request
  Form form_ = Form::Request;
  session::Era era_ = session::Era::Legacy;
  json::Document document_;
  session::Message message_;
  std::string http_line_, remote_text_, client_, stated_reason_, traceparent_, request_id_;
  std::string head_lines_, body_text_;  // what goes upstream
  std::string_view body_;
  IpAddress remote_;
  bool in_batch_ = false, inner_ = false;      // asked by the gate itself: a member of a batch; for the shared endpoint
  bool over_events_ = false;                   // at the endpoints of HTTP+SSE, with
  std::shared_ptr<EventLink> link_;            // the stream this is, or that this was posted to
  bool shared_ = false;                        // to the shared endpoint: judged by the inner calls it leads to
  bool recorded_inside_ = false;               // and recorded by them
  bool resuming_ = false, resumable_ = false;  // a stream that goes on another; one that could

  // the decision
  std::string decision_id_;
  policy::Scratch scratch_;
  policy::Decision decision_;
  limits::Reservation reservation_;
  flows::State flow_;                     // what the session had seen when this was judged; null: nothing looks at it
  std::vector<std::string> task_labels_;  // of the call that made the task this request names
  std::string flow_part_, flow_json_;     // which part of the grant it is; what the record says of it
  std::shared_ptr<Asking> asking_;        // null: nobody has to be asked
  Effect effect_ = Effect::Deny;
  std::string_view reason_ = "ok";
  std::string message_text_, rule_, arguments_json_, detail_json_;
  std::uint32_t rule_line_ = 0;
  std::int64_t retry_after_ms_ = -1;
  std::string findings_json_, masked_subject_;  // what inspection found, as members of a list; the subject, when it holds a secret
  std::uint32_t found_ = 0;
  std::string ask_message_;                  // why inspection asks for a person; empty: it does not
  std::string_view ask_rule_, ask_finding_;  // the line of the policy that says so, and the finding
  std::uint32_t ask_line_ = 0;
  int rpc_code_ = 0;  // what the refusal says instead of the standard code and data
  std::string rpc_data_;
  std::string task_;  // the task this request names, as the server does

  // the answer
  Body body_form_ = Body::None;
  int upstream_status_ = 0;
  json::Document answer_;
  std::string buffer_;            // a whole answer that came in pieces; or the piece held back
  std::string upstream_session_;  // as the upstream named it on initialize
  std::optional<session::SseReader> events_;
  std::optional<json::StreamCheck> check_;
  std::optional<ContentHash> piece_digest_;
  std::optional<Digest> result_digest_;  // of one that came in pieces, or was read again without what was cut out of it
  std::string_view result_;              // of any other, in answer_: its digest is made when the record is stored
  std::uint64_t result_bytes_ = 0;
  std::string_view outcome_ = "none";
  std::uint32_t dropped_ = 0;    // upstream messages that were not relayed
  std::uint32_t asked_ = 0;      // questions of the server during this call
  bool answered_early_ = false;  // the client's answers came with the call, and were used
  std::vector<std::string> asked_ids_;
  std::string answered_method_;  // what this POST answers

  // the reply
  int status_ = 200;
  std::string_view content_type_;
  std::string extra_lines_, out_, rewritten_;
  std::string_view reply_body_;
  bool queued_ = false, finished_ = false, delivered_ = false, streaming_ = false, stream_begun_ = false, paused_ = false,
       in_flight_ = false;
  bool intent_added_ = false, event_reply_ = false, cut_ = false;
  std::size_t slot_ = 0, stream_slot_ = 0;  // in Worker::calls_ and, while open, in its streams
  std::uint64_t listed_epoch_ = 0;          // open streams: what of the tools the caller was last known to see
  std::optional<Digest> listed_;
  MonoTime started_{}, decided_at_{}, sent_at_{}, answered_at_{}, last_write_{};
  WallTime wall_{};
};

}  // namespace callgate::gateway
