#pragma once
// A control plane with calls in its record, as the gate would have written them.

#include "admin/testing/control_plane.h"
#include "base/crypto.h"

namespace callgate::admin::testing {

struct Told {
  std::string arguments = R"({"amount":50})", reason = "ok", rule = {}, message = {};
  Effect effect = Effect::Allow;
  std::string principal = "ada", tool = "refund_payment", policy = "refunds";
  std::int64_t version = 1;
  std::uint32_t line = 0;
  std::vector<ShadowFinding> shadow = {};
};

class RecordedCalls : public ControlPlane {
 protected:
  std::string called(const Told& told) {  // its decision id
    std::string id = new_id("dec");
    Record record;
    record.time = clock_.now();
    record.decision_id = id;
    record.principal_id = record.principal_name = told.principal;
    record.principal_kind = "user";
    record.grant_id = grant_id_;
    record.grant_label = "laptop";
    record.server_id = server_id_;
    record.server_slug = "refunds";
    record.method = "tools/call";
    record.tool = told.tool;
    record.effect = told.effect;
    record.reason = told.reason;
    record.message = told.message;
    record.rule = told.rule;
    record.rule_line = told.line;
    record.policy = told.policy;
    record.policy_version = told.version;
    record.arguments_json = told.arguments;
    record.shadow = told.shadow;
    audit::Batch batch;
    batch.add(record);
    EXPECT_TRUE(journal_->commit(batch));
    return id;
  }
  std::string server_id_ = "srv", grant_id_ = "grt_gone";
};

}  // namespace callgate::admin::testing
