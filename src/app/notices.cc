#include "app/notices.h"

#include "json/writer.h"

namespace callgate::app {
namespace {

constexpr std::size_t kListed = 1'000;

// Slack reads <...> as links and & as the start of an entity; the rest of its marks only change how text looks.
std::string slack_safe(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else out += static_cast<unsigned char>(c) < 0x20 || c == '`' || c == '*' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string notice_body(const approvals::Approval& approval, const std::string& link, std::string_view form) {
  const approvals::Proposal& p = approval.proposal;
  std::string body;
  json::Writer out(body);
  out.begin_object();
  if (form == "slack") {
    std::string text = slack_safe(p.principal_name) + " asks for approval of `" + slack_safe(p.binding.tool) + "` on `" +
                       slack_safe(p.server_slug) + "`: " + slack_safe(p.message) + "\nLook at it: " + slack_safe(link) +
                       " or `callgate approval show " + approval.id + "`, until " + format_time(approval.expires_at);
    out.member("text", text);
  } else {
    out.member("type", "approval.pending").member("approval", approval.id).member("url", link);
    out.member("server", p.server_slug).member("method", p.binding.method).member("tool", p.binding.tool);
    out.member("principal", p.principal_name).member("grant", p.grant_label).member("message", p.message);
    out.key("roles").begin_array();
    for (const std::string& role : p.roles) out.string(role);
    out.end_array();
    out.member("created_at", format_time(approval.created_at)).member("expires_at", format_time(approval.expires_at));
  }
  out.end_object();
  return body;
}

void Notices::look() {
  if (approvals_.pending() == 0) return told_.clear();
  auto waiting = approvals_.list(false, kListed);
  if (!waiting) return;
  std::set<std::string> open;
  for (const approvals::Approval& approval : *waiting) {
    open.insert(approval.id);
    if (!told_.contains(approval.id)) send_(notice_body(approval, public_url_ + "/approvals/" + approval.id, form_));
  }
  told_ = std::move(open);
}

}  // namespace callgate::app
