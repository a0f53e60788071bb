// A modern server needs input: the client is asked on the stream of its call, as a server of its revision would ask.

#include "bridge/legacy_call.h"
#include "bridge/translate.h"
#include "bridge/words.h"

namespace callgate::bridge {
namespace {

constexpr std::size_t kQuestionsMax = 16;          // of one round
constexpr std::size_t kSessionQuestionsMax = 256;  // open at the same time
constexpr std::uint32_t kWaitsMax = 200;
constexpr std::size_t kStateMax = 256 * 1024;

bool is_link(json::Value request) {
  return request["method"].string() == "elicitation/create" && request["params"]["mode"].string() == "url";
}

}  // namespace

void LegacyCall::on_input_required(json::Value result) {
  json::Value requests = result["inputRequests"], state = result["requestState"];
  Hub& hub = core().hub();
  if ((!requests.is_object() && !state.is_string()) || (state.is_string() && state.raw().size() > kStateMax) ||
      requests.size() > kQuestionsMax)
    return explain("the server needs input, but does not say what");
  if (core().now() - started_ > hub.options.input_time_max) return explain("this call took too long and was given up");
  request_state_ = state.is_string() ? std::string(state.raw()) : std::string();
  answers_.clear();
  if (requests.size() == 0) {                // it only wants to be called again
    if (waits_ == 2) reply_.begin_events();  // the client sees that something is going on
    if (++waits_ > kWaitsMax) return explain("the server keeps this call waiting: it was given up");
    stage_ = Stage::Waiting;
    return core().loop().arm(timer_, std::chrono::milliseconds(500) * (1U << std::min(waits_ / 4, 3U)));
  }
  if (++rounds_ > hub.options.input_rounds_max) return explain("the server keeps asking: this call was given up");
  bool askable = true;
  requests.for_each_member([&](std::string_view, json::Value request) {
    if (!askable || session_->can.be_asked(request["method"].string(), request["params"])) return;
    askable = false;
    if (!is_link(request)) return explain("the server asks for something your client does not offer");
    std::string text = "This needs you to open a link: ";
    (text += request["params"]["url"].string()) += " - ";
    (text += request["params"]["message"].string()) += " Open it, then call again.";
    explain(text);
  });
  if (!askable) return;
  stage_ = Stage::Asking;
  bool asked = true;
  requests.for_each_member([&](std::string_view key, json::Value request) { asked = asked && ask(key, request); });
  if (!asked) return explain("too many questions are open in this session: answer those first");
  core().loop().arm(timer_, std::chrono::duration_cast<std::chrono::milliseconds>(hub.options.parked_max_age));
}

bool LegacyCall::ask(std::string_view key, json::Value request) {
  std::string id = "\"callgate-" + std::to_string(core().hub().next_id()) + '"';
  {
    const std::lock_guard lock(core().hub().mutex);
    if (session_->questions.size() >= kSessionQuestionsMax) return false;
    session_->questions.emplace(id, address());
  }
  reply_.notify(question_text(id, request));
  asked_.emplace(std::move(id), Asked{std::string(key), std::string(request["method"].string())});
  return true;
}

std::string LegacyCall::question_text(const std::string& id, json::Value request) const {
  std::string text;
  json::Writer writer(text);
  json::Value params = request["params"];
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(id).member("method", request["method"].string());
  if (params.is_object()) {
    writer.key("params").begin_object();
    bool old_form = request["method"].string() == "elicitation/create" && session_->revision < "2025-11-25";
    append_members(writer, params, {old_form ? std::string_view("mode") : std::string_view("elicitationId"), "elicitationId"});
    if (is_link(request)) writer.member("elicitationId", new_uuid());
    writer.end_object();
  }
  writer.end_object();
  return text;
}

void LegacyCall::take_answer(const Answer& answer) {
  auto found = asked_.find(answer.id);
  if (stage_ != Stage::Asking || found == asked_.end()) return;
  Asked question = std::move(found->second);
  asked_.erase(found);
  if (answer.result.empty() && question.method != "elicitation/create")
    return explain("your client could not answer the server: " + answer.problem);
  answers_[question.key] = answer.result.empty() ? R"({"action":"cancel"})" : answer.result;
  if (!asked_.empty()) return;
  core().loop().disarm(timer_);
  send_call();
}

// Ends the call with what the model and the user can read.
void LegacyCall::explain(std::string_view text) {
  forget_questions();
  core().loop().disarm(timer_);
  stage_ = Stage::Local;
  reply_.answer(explained_failure(id_, message_.method, text));
}

void LegacyCall::forget_questions() {
  const std::lock_guard lock(core().hub().mutex);
  for (const auto& [id, question] : asked_) session_->questions.erase(id);
  asked_.clear();
}

}  // namespace callgate::bridge
