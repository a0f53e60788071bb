#pragma once
// Tells people that a call waits for them, by webhook or mail. A notice says who asks for what and links; it never holds arguments, and
// nothing is decided by it. What cannot be sent is tried again while the call waits, with growing pauses; what is given up is logged.
// Called by the housekeeper.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "approvals/approvals.h"
#include "config/settings.h"

namespace callgate::app {

// What a call is about, as notices say it: of the address of a resource nothing behind `?` or `#`, where values stand.
std::string_view notice_subject(const approvals::Binding& binding);

// The body for `form`: json, or slack for webhooks that take {"text": ...}.
std::string notice_body(const approvals::Approval& approval, const std::string& link, std::string_view form);

// One place that is told.
struct NoticeLine {
  std::string name;  // for the log: no secret
  std::function<std::string(const approvals::Approval& approval, const std::string& link)> write;
  // Blocking. InvalidArgument: this one is never taken; other errors: later perhaps. `stopped`: give up soon.
  std::function<Result<void>(const std::string& text, const std::atomic<bool>& stopped)> send;
  std::size_t burst = 200;  // notices at once, then one every half minute
};

// What the settings name: the webhook, and each address of approvals.mail_to. InvalidArgument config.value; needs no network.
Result<std::vector<NoticeLine>> notice_lines(const config::Settings& settings, const Clock& clock);

class Notices {
 public:
  using Run = std::function<bool(std::function<void()> work)>;  // somewhere else; false: not now
  Notices(approvals::Approvals& approvals, const Clock& clock, std::string public_url, NoticeLine line, Run run);
  ~Notices();  // what is under way gives up soon
  void look();

 private:
  struct Told {
    unsigned tries = 0;
    bool done = false;
  };
  struct Round;  // of sending, somewhere else
  void settle();
  void failed(const std::string& id, const Error& error);
  void begin(const std::vector<approvals::Approval>& waiting);

  approvals::Approvals& approvals_;
  const Clock& clock_;
  std::string public_url_;
  NoticeLine line_;
  Run run_;
  std::map<std::string, Told> told_;  // of those that still wait
  std::shared_ptr<Round> round_;
  unsigned failures_ = 0;  // since the last success
  MonoTime not_before_{}, refilled_{};
  std::size_t left_;
  bool held_back_ = false;
};

}  // namespace callgate::app
