// Tasks of the servers, each usable only by who made it (task_ids.h).

#include "gateway/call.h"
#include "gateway/task_ids.h"
#include "gateway/worker.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {
namespace {

constexpr char kTaskLabel = '\1', kTaskName = '\2';  // what begins with neither is the server's name of it

}  // namespace

// A session of the stateful revisions has its tasks for itself: they end with it, as at a server that tells nobody apart.
std::string Call::task_owner() const {
  std::string owner = "task:" + caller_->principal.id + ":" + caller_->grant.id + ":" + server_->server.id;
  if (session_) (owner += ':') += session_->id;
  return owner;
}

// Older revisions have none, and at the shared endpoint the inner calls see to it.
bool Call::may_name_tasks() const { return !shared_ && (session_ ? session_->revision == "2025-11-25" : era_ == session::Era::Modern); }

// The server's own name of a task; nothing: not one this caller was given. Before it may stand the labels of the call that made the task:
// its result is fetched later, perhaps in another session.
std::optional<Call::OpenedTask> Call::open_task(std::string_view given) const {
  auto opened = worker_.rooms().vault->open(task_owner(), given);
  if (!opened) return {};
  OpenedTask task;
  std::string_view text = opened->reveal();
  while (text.starts_with(kTaskLabel)) {
    std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    task.labels.emplace_back(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
  }
  task.id = text.substr(text.starts_with(kTaskName));
  worker_.rooms().tasks->put(task_owner(), task.id, given, wall_);
  return task;
}

std::string Call::sealed_task(std::string_view id) const {
  std::string text;
  for (std::string_view label : decision_.flow.labels) ((text += kTaskLabel) += label) += '\n';
  if (id.starts_with(kTaskLabel) || id.starts_with(kTaskName)) text += kTaskName;
  return text += id;
}

// The task a request names, before anything is sent. Unknown and somebody else's are the same (T-30, T-60).
Result<void> Call::admit_task() {
  json::Value given = message_.params["taskId"];
  if (!message_.method.starts_with("tasks/") || message_.method == "tasks/list") return {};
  std::optional<OpenedTask> task;
  if (given.is_string()) task = open_task(given.string());
  if (!task) {
    rpc_code_ = session::kInvalidParams;
    return fail(Code::NotFound, "tasks.unknown", "Failed to retrieve task: Task not found");
  }
  task_ = std::move(task->id);
  task_labels_ = std::move(task->labels);
  return {};
}

// What the client says of tasks, in the server's words.
void Call::dress_tasks() {
  if (!may_name_tasks() || !(names_tasks(message_.params) || names_tasks(message_.result))) return;
  auto known = [this](std::string_view given) -> std::optional<std::string> {
    auto task = open_task(given);
    if (!task) return std::nullopt;
    return std::move(task->id);
  };
  std::string dressed;
  json::Document document;
  if (!document.parse(body_)) return;
  append_with_tasks(dressed, document.root(), {message_.method.starts_with("tasks/"), known, known});
  body_text_ = std::move(dressed);
  body_ = body_text_;
}

// What the server says of tasks, in the client's words; empty: there is nothing to put right.
std::string Call::tasks_for_client(json::Value message, std::string_view method, bool answer) {
  if (!may_name_tasks() || !(names_tasks(message["params"]) || names_tasks(message["result"]))) return {};
  std::string owner = task_owner(), out;
  auto& table = *worker_.rooms().tasks;
  TaskWords words;
  words.flat = method.starts_with("tasks/") || method.starts_with("notifications/tasks");
  words.known = [&](std::string_view id) -> std::optional<std::string> {
    if (!task_.empty() && id == task_) return std::string(message_.params["taskId"].string());
    return table.given(owner, id, worker_.rooms().clock.now());
  };
  words.created = [&](std::string_view id) -> std::optional<std::string> {
    if (auto given = words.known(id); given || !answer) return given;
    auto sealed = worker_.rooms().vault->seal(owner, Secret(sealed_task(id)));
    if (!sealed) return std::string();  // unusable, rather than somebody else's
    table.put(owner, id, *sealed, worker_.rooms().clock.now());
    return *sealed;
  };
  append_with_tasks(out, message, words);
  return out;
}

// A notice of a task goes only to who made it.
bool Call::own_task(const session::Message& notice) const {
  if (shared_ || !notice.method.starts_with("notifications/tasks")) return true;
  return worker_.rooms().tasks->given(task_owner(), notice.params["taskId"].string(), worker_.rooms().clock.now()).has_value();
}

}  // namespace callgate::gateway
