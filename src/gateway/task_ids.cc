#include "gateway/task_ids.h"

#include "gateway/rewrite.h"

namespace callgate::gateway {
namespace {

constexpr std::string_view kRelated = "io.modelcontextprotocol/related-task";

using Word = std::function<std::optional<std::string>(std::string_view)>;

void append_task(json::Writer& writer, json::Value task, const Word& word) {
  rewrite(writer, task, [&](std::string_view name, json::Value value) {
    if (name != "taskId" || !value.is_string()) return false;
    writer.member(name, word(value.string()).value_or(std::string(value.string())));
    return true;
  });
}

void append_list(json::Writer& writer, json::Value list, const Word& word) {
  writer.begin_array();
  list.for_each_element([&](json::Value element) {
    auto said = word(element.is_string() ? element.string() : element["taskId"].string());
    if (!said) return;
    if (element.is_string()) writer.string(*said);
    else append_task(writer, element, word);
  });
  writer.end_array();
}

// `holder` is params or result.
void append_holder(json::Writer& writer, json::Value holder, const TaskWords& words) {
  bool created = holder["resultType"].string() == "task";
  rewrite(writer, holder, [&](std::string_view name, json::Value value) {
    if (name == "taskId" && value.is_string() && (created || words.flat)) {
      auto said = created ? words.created(value.string()) : words.known(value.string());
      writer.member(name, said.value_or(std::string(value.string())));
    } else if (name == "task" && value["taskId"].is_string()) {
      append_task(writer.key(name), value, words.created);
    } else if (name == "tasks" && value.is_array() && words.flat) {
      append_list(writer.key(name), value, words.known);
    } else if (name == "notifications" && value["taskIds"].is_array()) {
      rewrite(writer.key(name), value, [&](std::string_view kind, json::Value ids) {
        if (kind == "taskIds") append_list(writer.key(kind), ids, words.known);
        return kind == "taskIds";
      });
    } else if (name == "_meta" && value[kRelated].is_object()) {
      rewrite(writer.key(name), value, [&](std::string_view key, json::Value about) {
        if (key == kRelated) append_task(writer.key(key), about, words.known);
        return key == kRelated;
      });
    } else {
      return false;
    }
    return true;
  });
}

}  // namespace

bool names_tasks(json::Value holder) {
  bool found = false;
  holder.for_each_member([&](std::string_view name, json::Value value) {
    if (found || name.empty()) return;
    if (name[0] == 't') found = name == "taskId" || name == "task" || name == "tasks";
    else if (name[0] == 'n') found = name == "notifications" && value["taskIds"].exists();
    else if (name[0] == '_') found = name == "_meta" && value[kRelated].exists();
  });
  return found;
}

void append_with_tasks(std::string& out, json::Value message, const TaskWords& words) {
  json::Writer writer(out);
  rewrite(writer, message, [&](std::string_view name, json::Value value) {
    bool holds = (name == "params" || name == "result") && value.is_object();
    if (holds) append_holder(writer.key(name), value, words);
    return holds;
  });
}

// ---- what was given out ---------------------------------------------------------------------------------------------

void TaskTable::put(const std::string& owner, std::string_view id, std::string_view given, WallTime now) {
  if (id.size() > 512) return;
  std::lock_guard lock(mutex_);
  if (count_ >= options_.tasks_max || now - swept_ > std::chrono::hours(1)) drop_old(now);
  Owned& owned = owners_[owner];
  std::string key(id);
  if (auto found = owned.tasks.find(key); found != owned.tasks.end()) {
    found->second.until = now + options_.life;
    return;
  }
  if (owned.tasks.size() >= options_.per_owner_max) {
    count_ -= owned.tasks.erase(owned.order.front());
    owned.order.pop_front();
  } else if (count_ >= options_.tasks_max) {  // nobody pushes out what belongs to others
    if (owned.tasks.empty()) owners_.erase(owner);
    return;
  }
  owned.order.push_back(key);
  owned.tasks.emplace(std::move(key), Task{std::string(given), now + options_.life, {}});
  ++count_;
}

std::optional<std::string> TaskTable::given(const std::string& owner, std::string_view id, WallTime now) const {
  std::lock_guard lock(mutex_);
  auto owned = owners_.find(owner);
  if (owned == owners_.end()) return {};
  auto task = owned->second.tasks.find(std::string(id));
  if (task == owned->second.tasks.end() || task->second.until <= now) return {};
  return task->second.given;
}

bool TaskTable::asked_before(const std::string& owner, std::string_view id, std::string_view question) const {
  std::lock_guard lock(mutex_);
  auto owned = owners_.find(owner);
  if (owned == owners_.end()) return false;
  auto task = owned->second.tasks.find(std::string(id));
  return task != owned->second.tasks.end() && task->second.questions.contains(std::string(question));
}

void TaskTable::note_asked(const std::string& owner, std::string_view id, std::string_view question) {
  std::lock_guard lock(mutex_);
  auto owned = owners_.find(owner);
  if (owned == owners_.end()) return;
  auto task = owned->second.tasks.find(std::string(id));
  if (task != owned->second.tasks.end() && task->second.questions.size() < options_.questions_max) task->second.questions.emplace(question);
}

std::size_t TaskTable::size() const {
  std::lock_guard lock(mutex_);
  return count_;
}

void TaskTable::drop_old(WallTime now) {
  if (now - swept_ < std::chrono::minutes(1)) return;  // a full table is not searched for every task
  swept_ = now;
  for (auto owned = owners_.begin(); owned != owners_.end();) {
    std::erase_if(owned->second.order, [&](const std::string& id) {
      auto task = owned->second.tasks.find(id);
      if (task->second.until > now) return false;
      owned->second.tasks.erase(task);
      --count_;
      return true;
    });
    owned = owned->second.tasks.empty() ? owners_.erase(owned) : std::next(owned);
  }
}

}  // namespace callgate::gateway
