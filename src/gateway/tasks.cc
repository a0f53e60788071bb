// Tasks of the servers, each usable only by who made it (task_ids.h).

#include "gateway/call.h"
#include "gateway/task_ids.h"
#include "gateway/worker.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {

// A session of the stateful revisions has its tasks for itself: they end with it, as at a server that tells nobody apart.
std::string Call::task_owner() const {
  std::string owner = "task:" + caller_->principal.id + ":" + caller_->grant.id + ":" + server_->server.id;
  if (session_) (owner += ':') += session_->id;
  return owner;
}

// Older revisions have none, and at the shared endpoint the inner calls see to it.
bool Call::may_name_tasks() const { return !shared_ && (session_ ? session_->revision == "2025-11-25" : era_ == session::Era::Modern); }

// The server's own name of a task; nothing: not one this caller was given.
std::optional<std::string> Call::open_task(std::string_view given) const {
  auto opened = worker_.rooms().vault->open(task_owner(), given);
  if (!opened) return {};
  std::string id(opened->reveal());
  worker_.rooms().tasks->put(task_owner(), id, given, wall_);
  return id;
}

// The task a request names, before anything is sent. Unknown and somebody else's are the same (T-30, T-60).
Result<void> Call::admit_task() {
  json::Value given = message_.params["taskId"];
  if (!message_.method.starts_with("tasks/") || message_.method == "tasks/list") return {};
  std::optional<std::string> id;
  if (given.is_string()) id = open_task(given.string());
  if (!id) {
    rpc_code_ = session::kInvalidParams;
    return fail(Code::NotFound, "tasks.unknown", "Failed to retrieve task: Task not found");
  }
  task_ = std::move(*id);
  return {};
}

// What the client says of tasks, in the server's words.
void Call::dress_tasks() {
  if (!may_name_tasks() || !names_tasks(document_.root())) return;
  auto known = [this](std::string_view given) { return open_task(given); };
  std::string dressed;
  json::Document document;
  if (!document.parse(body_)) return;
  append_with_tasks(dressed, document.root(), {message_.method.starts_with("tasks/"), known, known});
  body_text_ = std::move(dressed);
  body_ = body_text_;
}

// What the server says of tasks, in the client's words; empty: there is nothing to put right.
std::string Call::tasks_for_client(json::Value message, std::string_view method, bool answer) {
  if (!may_name_tasks() || !names_tasks(message)) return {};
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
    auto sealed = worker_.rooms().vault->seal(owner, Secret(std::string(id)));
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
