#pragma once
// A control plane over real stores in a folder of its own, a clock that stands still, and a probe whose report the test writes.

#include <gtest/gtest.h>

#include "admin/api.h"
#include "json/document.h"
#include "store/testing/temporary_folder.h"

namespace callgate::admin::testing {

inline constexpr std::string_view kRefunds = R"(version: "1"
default: deny
tools:
  refund_payment:
    deny_if:
      - conditions: [{path: args.amount, op: gt, value: 1000}]
        on_deny: "Refund blocked: Amount exceeds developer limit."
tests:
  - {call: refund_payment, args: {amount: 50}, expect: allow}
  - {call: refund_payment, args: {amount: 5000}, expect: deny, rule: /tools/refund_payment/deny_if/0}
)";

class ControlPlane : public ::testing::Test {
 protected:
  void SetUp() override;

  struct Answer {
    int status = 0;
    std::string body, headers;
    std::shared_ptr<json::Document> document = std::make_shared<json::Document>();
    json::Value operator[](std::string_view name) const { return document->root()[name]; }
    std::string reason() const { return std::string(document->root()["error"]["reason"].string()); }
    std::string message() const { return std::string(document->root()["error"]["message"].string()); }
  };
  // As the operator on the control socket; with `token`, as that principal over the network.
  Answer ask(std::string_view method, std::string_view path, std::string_view body = {}, std::string_view token = {});
  Answer add_server(const std::string& slug = "refunds", std::string_view more = "");  // more: members with a comma in front
  Answer put_policy(const std::string& name = "refunds", std::string_view text = kRefunds);
  std::string api_token(const std::string& user, const std::string& roles);  // adds the user; roles as JSON list members
  std::vector<std::string> records();                                        // payloads, oldest first
  std::string quoted(std::string_view text);

  store::testing::TemporaryFolder folder_;
  ManualClock clock_;
  config::Settings settings_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<vault::Vault> vault_;
  std::unique_ptr<identity::IdentityStore> identity_;
  std::unique_ptr<catalog::CatalogStore> catalog_;
  std::unique_ptr<limits::Counters> counters_;
  std::unique_ptr<approvals::Approvals> approvals_;
  std::unique_ptr<audit::Journal> journal_;
  std::unique_ptr<audit::Index> index_;
  std::unique_ptr<Api> api_;
  upstream::ProbeReport probe_report_;
  std::string probed_headers_;
  std::function<void()> during_probe_;
  int published_ = 0;
  bool publish_fails_ = false;
};

}  // namespace callgate::admin::testing
