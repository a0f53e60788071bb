#pragma once
// Every method has a rule; an unknown one is refused (design section 4, T-30).

#include <cstdint>
#include <string_view>

#include "session/revision.h"

namespace callgate::gateway {

enum class MethodRule : std::uint8_t {
  Unknown,    // refused
  Lifecycle,  // needs a caller and a server, no policy: initialize, ping, server/discover ...
  ToolList,   // lifecycle, and the answer is filtered
  ToolCall,   // the whole walk
  Governed,   // asked of the policy by name: resources, prompts, completion
};

struct MethodEntry {
  std::string_view name;
  MethodRule rule;
  bool legacy, modern;
  bool notification;
};

// The rule for a method as sent by a client in this era; null when there is none.
const MethodEntry* find_method(std::string_view name, session::Era era, bool notification);
// Notifications an upstream may send towards a client; all others are dropped.
bool relayed_notification(std::string_view name);

}  // namespace callgate::gateway
