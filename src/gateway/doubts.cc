#include "gateway/doubts.h"

namespace callgate::gateway {

void Doubts::raise(std::string_view server_id, const std::vector<std::string>& tools) {
  if (tools.empty()) return;
  std::lock_guard lock(mutex_);
  ++raised_;
  for (const std::string& tool : tools) tools_[std::string(server_id)][tool] = raised_;
  any_.store(true, std::memory_order_release);
}

bool Doubts::about(std::string_view server_id, std::string_view tool) const {
  if (!any_.load(std::memory_order_acquire)) return false;
  std::lock_guard lock(mutex_);
  auto found = tools_.find(server_id);
  return found != tools_.end() && found->second.contains(tool);
}

bool Doubts::about_any(std::string_view server_id) const {
  if (!any_.load(std::memory_order_acquire)) return false;
  std::lock_guard lock(mutex_);
  return tools_.contains(server_id);
}

std::uint64_t Doubts::raised() const {
  std::lock_guard lock(mutex_);
  return raised_;
}

void Doubts::settle(std::string_view server_id, std::uint64_t raised) {
  std::lock_guard lock(mutex_);
  auto found = tools_.find(server_id);
  if (found == tools_.end()) return;
  std::erase_if(found->second, [&](const auto& tool) { return tool.second <= raised; });
  if (found->second.empty()) tools_.erase(found);
  any_.store(!tools_.empty(), std::memory_order_release);
}

}  // namespace callgate::gateway
