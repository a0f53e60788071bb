#include "gateway/methods.h"

#include <array>

#include "base/same_bytes.h"

namespace callgate::gateway {
namespace {

using enum MethodRule;

constexpr std::array kMethods = {
    MethodEntry{"tools/call", ToolCall, true, true, false},
    MethodEntry{"tools/list", ToolList, true, true, false},
    MethodEntry{"initialize", Lifecycle, true, false, false},
    MethodEntry{"ping", Lifecycle, true, false, false},
    MethodEntry{"logging/setLevel", Lifecycle, true, false, false},
    MethodEntry{"server/discover", Lifecycle, false, true, false},
    MethodEntry{"subscriptions/listen", Lifecycle, false, true, false},
    MethodEntry{"resources/list", Governed, true, true, false},
    MethodEntry{"resources/templates/list", Governed, true, true, false},
    MethodEntry{"resources/read", Governed, true, true, false},
    MethodEntry{"resources/subscribe", Governed, true, false, false},
    MethodEntry{"resources/unsubscribe", Governed, true, false, false},
    MethodEntry{"prompts/list", Governed, true, true, false},
    MethodEntry{"prompts/get", Governed, true, true, false},
    MethodEntry{"completion/complete", Governed, true, true, false},
    MethodEntry{"tasks/get", Governed, true, true, false},
    MethodEntry{"tasks/update", Governed, false, true, false},
    MethodEntry{"tasks/cancel", Governed, true, true, false},
    MethodEntry{"tasks/result", Governed, true, false, false},
    MethodEntry{"tasks/list", Governed, true, false, false},
    MethodEntry{"notifications/initialized", Lifecycle, true, false, true},
    MethodEntry{"notifications/cancelled", Lifecycle, true, true, true},
    MethodEntry{"notifications/progress", Lifecycle, true, false, true},
    MethodEntry{"notifications/roots/list_changed", Lifecycle, true, false, true},
};

constexpr std::array<std::string_view, 11> kRelayed = {
    "notifications/progress",
    "notifications/message",
    "notifications/cancelled",
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
    "notifications/subscriptions/acknowledged",
    "notifications/elicitation/complete",
    "notifications/tasks/status",
    "notifications/tasks",
};

}  // namespace

const MethodEntry* find_method(std::string_view name, session::Era era, bool notification) {
  for (const MethodEntry& entry : kMethods)
    if (same_text(entry.name, name) && entry.notification == notification && (era == session::Era::Legacy ? entry.legacy : entry.modern))
      return &entry;
  return nullptr;
}

bool relayed_notification(std::string_view name) {
  for (std::string_view relayed : kRelayed)
    if (relayed == name) return true;
  return false;
}

}  // namespace callgate::gateway
