#include "bridge/state.h"

#include <charconv>

#include "bridge/words.h"

namespace callgate::bridge {
namespace {

std::string_view text_of(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

}  // namespace

Digest state_binding(const CallContext& context, std::string_view server_id, std::string_view method, json::Value params) {
  Blake2b hash;
  for (std::string_view part : {context.principal_id, context.grant_id, server_id, method}) {
    hash.add(std::to_string(part.size()));
    hash.add(":");
    hash.add(part);
  }
  hash.add(text_of(params_digest(params)));
  return hash.finish();
}

std::string seal_state(const TokenSealer& sealer, const State& state, const Digest& binding) {
  return sealer.seal(std::to_string(state.expires.time_since_epoch().count()) + ' ' + state.parked_id, text_of(binding));
}

std::optional<State> open_state(const TokenSealer& sealer, std::string_view sealed, const Digest& binding, MonoTime now) {
  auto plain = sealer.open(sealed, text_of(binding));
  if (!plain) return std::nullopt;
  std::int64_t expires = 0;
  const char* last = plain->data() + plain->size();
  auto [end, problem] = std::from_chars(std::as_const(*plain).data(), last, expires);
  if (problem != std::errc() || end == last || *end != ' ') return std::nullopt;
  State state{std::string(end + 1, last), MonoTime(std::chrono::nanoseconds(expires))};
  if (now >= state.expires) return std::nullopt;
  return state;
}

}  // namespace callgate::bridge
