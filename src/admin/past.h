#pragma once
// One recorded call, ready to be judged again: by the policy of then, by that of today, by a draft. Inner header of admin/.

#include "admin/route.h"
#include "backtest/scene.h"

namespace callgate::admin {

struct Past {
  backtest::RecordedCall call;
  backtest::Scene scene;
  backtest::Lookup lookup;  // holds what `today` points into
  backtest::Today today;
  std::string policy_now;  // that applies to this grant and server today; else the one of then
};

// By decision id or sequence number, as the path of the route names it. An approval's own records lead to the call they belong to.
Result<std::unique_ptr<Past>> past_call(Context& context);

// Members of an object: effect, reason, message, rule, line, steps.
void write_explanation(json::Writer& out, const policy::Explanation& explanation);

}  // namespace callgate::admin
