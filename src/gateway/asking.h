#pragma once
// A call while a person is asked about it. Shared by the call and by work on the offload pool; `call` is read on the loop only, and null
// once the call has an answer.

#include <string>
#include <string_view>

#include "approvals/approvals.h"
#include "base/clock.h"
#include "json/document.h"

namespace callgate::gateway {

class Call;

// The question a waiting call is told as, in input_required (approval_link.cc). Its answer means nothing and goes no further.
inline constexpr std::string_view kApprovalInput = "callgate_approval";
inline bool answers_approval_only(std::string_view parameter, json::Value value) {
  return parameter == "inputResponses" && value.is_object() && value.size() == 1 && value[kApprovalInput].exists();
}

struct Asking {
  enum class Stage : std::uint8_t {
    Wanted,   // found while the call was admitted; nobody was asked yet
    Looking,  // how it stands is being looked up, on the pool
    Waiting,  // the answer is held open until someone decides
    Using,    // the approval is being used up, on the pool
    Used,     // the call may go
  };
  Call* call = nullptr;
  approvals::Proposal proposal;
  Stage stage = Stage::Wanted;
  std::string id;           // apr_...; empty until it was put before people
  bool approved = false;    // a person said yes: the call is being judged again
  bool proposed = false;    // by this very call
  bool events = false;      // the client takes an event stream
  std::uint64_t epoch = 0;  // of the approvals, when last looked at
  WallTime expires_at{};
  MonoTime since{}, until{};
};

}  // namespace callgate::gateway
