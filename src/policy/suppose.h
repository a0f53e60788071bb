#pragma once
// Deciding about a call of which not everything is known: one from the record whose arguments were reduced, or one that nobody has made
// yet. A rule that what is unknown could turn either way is passed over and named as a doubt; nothing is guessed. A denial stands whatever
// the doubts say; an allowance with doubts is none. Strings and names live as long as the Policy. Not for the data path.

#include <vector>

#include "policy/policy.h"

namespace callgate::policy {

// What of an Input is not known, beside the places of `arguments` that read as reduced (model/captured.h).
struct Unknown {
  bool arguments = false;
  bool principal_owner = false, grant_role = false, server_name = false, tool_risk = false;
  bool caller = false;  // what callers say of themselves: reason, client, session id
};

struct Doubt {
  enum class Layer : std::uint8_t { Require, DenyIf, Ask, Amount, Inspect };
  Layer layer{};
  std::string_view rule;  // JSON pointer
  std::uint32_t line = 0;
  std::string_view path;     // the first value that is missing to decide: args.note
  std::string_view counter;  // Amount: the limit's counter; its claim is there with an amount of 0
};

struct Supposition {
  Unknown unknown;
  std::vector<Doubt> doubts;  // of rules that are enforced
};

}  // namespace callgate::policy
