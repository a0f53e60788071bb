#pragma once
// Conditions over values that are only partly known: every truth they may have. Sound, not complete: a truth that cannot be may be among
// them, one that can be is never left out. Inner header of policy/.

#include "model/captured.h"
#include "policy/program.h"
#include "policy/suppose.h"

namespace callgate::policy {

using Truths = std::uint8_t;  // a bit per Truth
constexpr Truths only(Truth truth) { return static_cast<Truths>(1U << static_cast<unsigned>(truth)); }
constexpr bool may_be(Truths truths, Truth truth) { return (truths & only(truth)) != 0; }
inline constexpr Truths kAnyTruth = 15;

class Possible {
 public:
  Possible(const Program& program, const Input& input, const Unknown& unknown, Reader& reader)
      : program_(program), input_(input), unknown_(unknown), reader_(reader) {}
  Truths all_hold(std::uint32_t begin, std::uint32_t end, json::Value element = {});
  std::string_view unseen() const { return unseen_; }  // the first path whose value was wanted and not known
  bool known_number(std::uint32_t path, Seen& seen);   // an amount to count

 private:
  struct Glimpse {
    Captured what;
    bool maybe_missing = false;
    Seen seen;  // when known
  };
  Glimpse look(const Path& path, std::uint32_t index, json::Value element);
  Glimpse walk(json::Value value, const std::vector<Segment>& segments) const;
  Truths evaluate(std::uint32_t at, json::Value element);
  Truths any_holds(std::uint32_t begin, std::uint32_t end, json::Value element);
  Truths leaf(const Condition& condition, json::Value element);
  Truths each(std::uint32_t at, json::Value element);

  const Program& program_;
  const Input& input_;
  const Unknown& unknown_;
  Reader& reader_;
  std::string_view unseen_;
};

}  // namespace callgate::policy
