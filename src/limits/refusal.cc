// Sentences for full counters: which one, how full, when there is room.

#include <fmt/core.h>

#include "limits/inner.h"

namespace callgate::limits {

namespace {

std::string_view adjective(policy::Window window) {
  return window == policy::Window::Minute ? "per-minute" : window == policy::Window::Hour ? "hourly" : "daily";
}

// Whole seconds, rounded up: at the time named there is room.
std::string moment(WallTime time) {
  std::string text = format_time(std::chrono::ceil<std::chrono::seconds>(time));
  return text.substr(0, 19) + "Z";
}

}  // namespace

Refusal refuse(std::size_t position, const policy::Claim& claim, const Meter& meter, WallTime now) {
  Refusal refusal;
  refusal.claim = position;
  refusal.used = meter.used;
  refusal.max = claim.max;
  refusal.amount = claim.amount;
  std::string name = fmt::format("{} limit {}", adjective(claim.window), claim.counter);
  std::string_view noun = window_noun(claim.window);
  if (claim.amount > claim.max) {
    refusal.message =
        fmt::format("{} allows at most {} in a {}: {} can never fit; ask for less", name, claim.max.text(), noun, claim.amount.text());
    return refusal;
  }
  WallTime room{std::chrono::microseconds(meter.room_at_us(claim.amount, claim.max))};
  refusal.retry_after = std::max(std::chrono::milliseconds(1), std::chrono::ceil<std::chrono::milliseconds>(room - now));
  std::string level = fmt::format("{} of {}", meter.used.text(), claim.max.text());
  std::string state = meter.used >= claim.max ? fmt::format("is used up: {}", level)
                                              : fmt::format("has no room for {}: {} are used", claim.amount.text(), level);
  switch (claim.kind) {
    case policy::WindowKind::Calendar:
      refusal.message = fmt::format("{} {} in this {}; resets at {}", name, state, noun, moment(room));
      break;
    case policy::WindowKind::Sliding:
      refusal.message = fmt::format("{} {} in the last {}; room again at {}", name, state, noun, moment(room));
      break;
    case policy::WindowKind::TokenBucket:
      refusal.message = fmt::format("{} {}, refilled over a {}; room again at {}", name, state, noun, moment(room));
      break;
  }
  return refusal;
}

Settle settle_for(CallOutcome outcome) {
  switch (outcome) {
    case CallOutcome::NotSent:
    case CallOutcome::RefusedLater:
    case CallOutcome::UpstreamRefusedConnection: return Settle::Refund;
    case CallOutcome::Answered:
    case CallOutcome::ToolError:
    case CallOutcome::UpstreamError:
    case CallOutcome::Timeout:
    case CallOutcome::ClientGone:
    case CallOutcome::Cancelled:
    case CallOutcome::ConnectionLostAfterSend: return Settle::Keep;
  }
  return Settle::Keep;
}

}  // namespace callgate::limits
