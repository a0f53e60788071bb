// Tools that a legacy server runs only as tasks (execution.taskSupport: required): called as one, polled, and the result returned as if
// the call had simply taken long.

#include "bridge/modern_call.h"
#include "bridge/run.h"
#include "bridge/words.h"

namespace callgate::bridge {
namespace {

constexpr std::uint32_t kPollsMax = 1'000;
constexpr std::int64_t kPollMin = 20, kPollDefault = 1'000, kPollMax = 10'000;

}  // namespace

// A server that wants a task says -32601 to the plain call, and did nothing.
bool Run::starts_task(const session::Message& message) {
  if (stage_ != Stage::Call || request_.method != "tools/call" || !session_->task_calls) return false;
  if (as_task_) return message.result["task"].is_object();
  return message.error.exists() && error_code(message.error) == session::kMethodNotFound;
}

void Run::on_task(const session::Message& message) {
  if (!as_task_) {
    as_task_ = true;
    return send_call();
  }
  if (message.error.exists()) {
    if (parked_id_.empty()) return deliver(message);
    kept_failure_ = Error{Code::Unavailable, "bridge.task", "the server lost the task", {}};
    return;
  }
  json::Value task = stage_ == Stage::TaskPoll ? message.result : message.result["task"];
  if (task_id_.empty()) task_id_ = task["taskId"].string();
  if (task_id_.empty() || task_id_.size() > 512 || ++polls_ > kPollsMax)
    return give_up({Code::Unavailable, "bridge.task", "the server's task cannot be followed", {}});
  std::string_view status = task["status"].string();
  stage_ = Stage::TaskPoll;
  if (status == "working") {
    std::int64_t interval = kPollDefault;
    std::string_view text = task["pollInterval"].number();
    std::from_chars(text.data(), text.data() + text.size(), interval);
    return core().loop().arm(wait_, std::chrono::milliseconds(std::clamp(interval, kPollMin, kPollMax)));
  }
  // Ended, or it needs input: both come with tasks/result, which may ask on its stream and then waits for the end.
  std::string body;
  json::Writer writer(body);
  upstream_id_ = std::to_string(core().hub().next_id());
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(upstream_id_).member("method", "tasks/result").key("params");
  writer.begin_object().member("taskId", task_id_).end_object().end_object();
  send(std::move(body), Stage::TaskResult);
}

void Run::poll_task() {
  std::string body;
  json::Writer writer(body);
  upstream_id_ = std::to_string(core().hub().next_id());
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(upstream_id_).member("method", "tasks/get").key("params");
  writer.begin_object().member("taskId", task_id_).end_object().end_object();
  send(std::move(body), Stage::TaskPoll);
}

}  // namespace callgate::bridge
