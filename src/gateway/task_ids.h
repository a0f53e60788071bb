#pragma once
// Task ids, bound to who made the task (MCP 2025-11-25 tasks; io.modelcontextprotocol/tasks since 2026-07-28). A server's name for it is
// sealed to principal, grant, server and, where there is one, session before a client sees it; only these can name the task afterwards, and
// anything else looks like a task that does not exist. The seal needs no memory and survives a restart. The table only remembers what was
// given out lately, so that ids stay the same wherever a server repeats them, and lists and notices tell of nobody else's tasks.
// Bounded: what does not fit is not remembered, which costs a caller lines of tasks/list and notices, never a task. Thread-safe.

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "json/document.h"

namespace callgate::gateway {

class TaskTable {
 public:
  struct Options {
    std::size_t tasks_max = 100'000, per_owner_max = 1'000;
    std::chrono::hours life{24};
    std::size_t questions_max = 64;  // of one task
  };
  TaskTable() : TaskTable(Options()) {}
  explicit TaskTable(const Options& options) : options_(options) {}

  // `id` as the server says it, `given` as the client does. The first name stays.
  void put(const std::string& owner, std::string_view id, std::string_view given, WallTime now);
  std::optional<std::string> given(const std::string& owner, std::string_view id, WallTime now) const;
  // Questions of a task are repeated each time it is looked at; true: this one was let through before.
  bool asked_before(const std::string& owner, std::string_view id, std::string_view question) const;
  void note_asked(const std::string& owner, std::string_view id, std::string_view question);
  std::size_t size() const;

 private:
  struct Task {
    std::string given;
    WallTime until{};
    std::unordered_set<std::string> questions;
  };
  struct Owned {
    std::unordered_map<std::string, Task> tasks;
    std::deque<std::string> order;  // oldest first
  };
  void drop_old(WallTime now);
  mutable std::mutex mutex_;
  Options options_;
  std::unordered_map<std::string, Owned> owners_;
  std::size_t count_ = 0;
  WallTime swept_{};
};

// Puts other task ids into a message, where the protocol has them: parameters and results of tasks/*, a created task, related-task
// metadata, the ids of subscriptions/listen.
struct TaskWords {
  bool flat = false;  // the result, or the parameters, are themselves about a task (`taskId`)
  // What to say instead; nothing: it stays, and leaves a list.
  std::function<std::optional<std::string>(std::string_view id)> known;
  std::function<std::optional<std::string>(std::string_view id)> created;  // for the task a result brings into being
};
bool names_tasks(json::Value holder);  // params or result: might there be any? Looks at the places above, not through the text
void append_with_tasks(std::string& out, json::Value message, const TaskWords& words);

}  // namespace callgate::gateway
