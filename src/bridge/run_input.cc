// The server asks the client something while its call is under way: parking, the sealed state, and the answers.

#include "bridge/modern_call.h"
#include "bridge/run.h"
#include "bridge/state.h"
#include "bridge/words.h"

namespace callgate::bridge {
namespace {

constexpr std::string_view kNameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
constexpr std::size_t kQuestionsMax = 16;  // open at the same time

// Ids of a session never repeat, so a server that names its questions has to number them: the number is not part of the name.
std::string_view without_number(std::string_view name) {
  const std::size_t dash = name.find_last_of('-');
  if (dash == 0 || dash == std::string_view::npos || dash + 1 == name.size()) return name;
  return name.substr(dash + 1).find_first_not_of("0123456789") == std::string_view::npos ? name.substr(0, dash) : name;
}

std::string_view kind_of(std::string_view method) { return method.substr(0, method.find('/')); }

}  // namespace

void Run::on_question(const session::Message& message) {
  if (message.method == "ping") {
    core().add<Errand>(request_.wish.origin).send(to_session(*session_, result_message(message.id.raw(), "{}")));
    return;
  }
  bool known = message.method == "elicitation/create" || message.method == "sampling/createMessage" || message.method == "roots/list";
  if (!known || !input_method(request_.method) || !client_.can.be_asked(message.method, message.params))
    return refuse_question(message.id.raw(), session::kMethodNotFound, "the client cannot be asked this");
  for (const Question& other : questions_)
    if (other.id == message.id.raw()) return;  // replayed
  if (questions_.size() >= kQuestionsMax) return refuse_question(message.id.raw(), session::kInternalError, "too many questions at once");
  Question question;
  question.key = key_for(message);
  question.id = message.id.raw();
  question.method = message.method;
  if (message.params.is_object()) {
    json::Writer writer(question.params);
    writer.begin_object();
    append_members(writer, message.params, {"elicitationId", "_meta"});
    json::Value meta = message.params["_meta"];
    bool more = false;  // than what means nothing to the client
    meta.for_each_member([&](std::string_view key, json::Value) { more |= key != "progressToken" && key != kMetaRelatedTask; });
    if (more) {
      append_members(writer.key("_meta").begin_object(), meta, {"progressToken", kMetaRelatedTask});
      writer.end_object();
    }
    writer.end_object();
  }
  questions_.push_back(std::move(question));
  if (parked_id_.empty() && !gather_.armed()) core().loop().arm(gather_, core().hub().options.gather_window);
}

// The server's own name for the question where it has one, for a client may know it; else its kind and a number.
std::string Run::key_for(const session::Message& message) {
  std::string_view name = message.id.string();
  bool named = !name.empty() && name.size() <= 64 && name.find_first_not_of(kNameBytes) == std::string_view::npos;
  auto taken = [this](std::string_view key) { return std::ranges::find(questions_, key, &Question::key) != questions_.end(); };
  ++asked_;
  if (named && !taken(without_number(name))) return std::string(without_number(name));
  if (named && !taken(name)) return std::string(name);
  std::string key;
  do key = std::string(kind_of(message.method)) + "_" + std::to_string(asked_++);
  while (taken(key));
  --asked_;
  return key;
}

void Run::stray_question(const std::string& question) {
  json::Document document;
  auto parsed = document.parse(question, {.bytes_max = question.size()});
  auto message = parsed ? session::read_message(document.root()) : tl::unexpected<Error>(parsed.error());
  if (!message || !session_) return;
  if (answered_) return refuse_question(message->id.raw(), session::kMethodNotFound, "the call is over");
  on_question(*message);
}

void Run::refuse_question(std::string_view id, int code, std::string_view message) {
  core().add<Errand>(request_.wish.origin).send(to_session(*session_, error_message(id, code, message)));
}

// What the server asked so far goes to the client, which comes back with the answers and the state.
void Run::park() {
  if (questions_.empty()) return;  // the server took them back
  Hub& hub = core().hub();
  auto left = hub.options.input_time_max - (core().now() - started_);
  if (++rounds_ > hub.options.input_rounds_max || left <= left.zero())
    return give_up({Code::Unavailable, "bridge.rounds", "the server keeps asking: this call was given up", {}});
  std::string id = random_token(16);
  if (!hub.park(id, {address(), request_.binding, request_.wish.origin->principal_id, request_.wish.origin->grant_id}))
    return give_up(
        {Code::RateLimited, "bridge.too_many_parked", "too many calls wait for answers of their clients: answer those first", {}});
  auto age = std::min<std::chrono::nanoseconds>(hub.options.parked_max_age, left);
  std::string state = seal_state(hub.sealer, {id, core().now() + age}, request_.binding);
  tell_answer(input_required(state));
  client_.call = {};
  parked_id_ = std::move(id);
  std::string().swap(request_.body);  // it can no longer be sent again
  core().loop().arm(expiry_, std::chrono::ceil<std::chrono::milliseconds>(age));
  if (!leg_) return;
  leg_->set_timeout(std::chrono::milliseconds(0));
  leg_->resume();
}

std::string Run::input_required(const std::string& state) const {
  std::string result;
  json::Writer writer(result);
  writer.begin_object().member("resultType", "input_required").key("inputRequests").begin_object();
  for (const Question& question : questions_) {
    writer.key(question.key).begin_object().member("method", question.method);
    if (!question.params.empty()) writer.key("params").raw(question.params);
    writer.end_object();
  }
  writer.end_object();
  if (!state.empty()) writer.member("requestState", state);
  if (!session_->server_info.empty()) writer.key("_meta").begin_object().key(kMetaServerInfo).raw(session_->server_info).end_object();
  writer.end_object();
  return result_message(client_.id, result);
}

// The hub gave this run to the retry: who it is and that it comes once is settled.
void Run::resume(Client client, const Answers& answers) {
  parked_id_.clear();
  client_ = std::move(client);
  core().loop().disarm(expiry_);
  if (kept_failure_) {
    tell_failure(*kept_failure_, true);
    return end();
  }
  if (!kept_answer_.empty()) {
    json::Document document;
    auto parsed = document.parse(kept_answer_, {.bytes_max = kept_answer_.size()});
    auto message = parsed ? session::read_message(document.root()) : tl::unexpected<Error>(parsed.error());
    if (message) return deliver(*message);
    tell_failure(message.error(), true);
    return end();
  }
  if (leg_) leg_->set_timeout(request_.wish.origin->target->server.call_timeout);
  std::vector<Question> open = std::exchange(questions_, {});
  for (Question& question : open) {
    auto answer = answers.find(question.key);
    if (answer == answers.end()) questions_.push_back(std::move(question));
    else post_answer(question, answer->second);
  }
  if (!questions_.empty()) core().loop().arm(gather_, core().hub().options.gather_window);  // asked again
}

void Run::post_answer(const Question& question, const std::string& answer) {
  std::erase_if(posts_, [](const std::unique_ptr<Leg>& post) { return !post->open(); });
  posts_.push_back(std::make_unique<Leg>(*this, request_.wish.origin));
  posts_.back()->send(core().below(), to_session(*session_, result_message(question.id, answer)));
}

void Run::on_released() {
  parked_id_.clear();
  if (leg_ && leg_->open()) cancel_upstream("the question was refused");
  end();
}

// The client never came back, or may not any more: the server is told, and the place is free.
void Run::on_expiry() {
  if (!core().hub().forget_parked(parked_id_)) return;  // it came back this very moment
  if (leg_ && leg_->open()) cancel_upstream("the client did not answer in time");
  end();
}

}  // namespace callgate::bridge
