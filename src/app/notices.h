#pragma once
// Tells people, through a webhook, that a call waits for them. A notice says who asks for what and links; it never holds arguments, and
// nothing is decided by it. One is sent once, and once more after a failure; what then fails is logged. Called by the housekeeper.

#include <functional>
#include <set>
#include <string>

#include "approvals/approvals.h"
#include "config/settings.h"

namespace callgate::app {

// The body for `form`: json, or slack for webhooks that take {"text": ...}.
std::string notice_body(const approvals::Approval& approval, const std::string& link, std::string_view form);

class Notices {
 public:
  using Send = std::function<void(std::string body)>;  // somewhere else; must not block
  Notices(approvals::Approvals& approvals, std::string public_url, std::string form, Send send)
      : approvals_(approvals), public_url_(std::move(public_url)), form_(std::move(form)), send_(std::move(send)) {}
  void look();

 private:
  approvals::Approvals& approvals_;
  std::string public_url_, form_;
  Send send_;
  std::set<std::string> told_;  // of those that still wait
};

}  // namespace callgate::app
