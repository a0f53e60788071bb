#pragma once
// One exchange between a client and an upstream, from the judged request to the recorded reply. The walk is two halves:
// admit (admit.cc: identity, catalog, session, policy, limits) and complete (complete.cc, relay.cc), around the upstream.
// Lives on one worker, is reused, and leaves only by finish(): one exit writes the record, whatever happened. What it knows: call_state.h.

#include <optional>
#include <string>
#include <string_view>

#include "gateway/auth_memo.h"
#include "gateway/call_state.h"
#include "gateway/clearance.h"
#include "gateway/errand.h"
#include "gateway/reply.h"
#include "gateway/rooms.h"
#include "json/writer.h"

namespace callgate::gateway {

class Worker;

class Call final : public listener::ReplyObserver, public upstream::ResponseSink, private CallState {
 public:
  explicit Call(Worker& worker) : worker_(worker) {}

  void begin(const listener::Request& request, listener::Reply& reply);

  // Called by the worker's batch hook, in this order.
  bool stopped_by_flow();  // refused already; else noted, and it may be sent
  bool counted() const { return !reservation_.empty(); }
  bool acts() const { return !shared_ || form_ != Form::Request; }  // itself; else by inner calls, which record what they intend
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
  Result<void> check_arguments(std::string_view tool, const schema::Schema* schema);
  Result<void> check_mirrored(std::string_view tool, const schema::Schema& schema);
  policy::Input policy_input(std::string_view method, std::string_view subject, json::Value arguments) const;
  policy::Input policy_input(std::string_view method, std::string_view subject, json::Value arguments, std::string_view risk) const;
  Result<void> decide(std::string_view subject, json::Value arguments, std::string_view risk);
  Result<void> reserve(std::span<const policy::Claim> claims);
  policy::Scratch& scratch();
  void put_back_scratch();
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
  Result<void> dress_subscriptions();

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
  std::string question_to_keep(std::string_view subject, json::Value params) const;
  Result<void> judge_answer(std::string_view kept);
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
  Result<void> inspect_beside_arguments();
  Result<void> inspect_beside(json::Value params);
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
  bool read_whole(std::string_view piece);
  json::Document& answer();
  Result<void> parse_answer(std::string_view bytes);
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
  void let_go();
  void reset();

  Worker& worker_;
};

}  // namespace callgate::gateway
