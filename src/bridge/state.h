#pragma once
// requestState as a client of ours sees it: which parked call, until when; sealed, and bound to who may bring it back with what.
// Internal to this room.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/token_sealer.h"
#include "json/document.h"
#include "model/cleared_call.h"

namespace callgate::bridge {

struct State {
  std::string parked_id;
  MonoTime expires{};
};

Digest state_binding(const CallContext& context, std::string_view server_id, std::string_view method, json::Value params);
std::string seal_state(const TokenSealer& sealer, const State& state, const Digest& binding);
// Nothing when it was changed, made for something else, or is too old.
std::optional<State> open_state(const TokenSealer& sealer, std::string_view sealed, const Digest& binding, MonoTime now);

}  // namespace callgate::bridge
