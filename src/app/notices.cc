#include "app/notices.h"

#include <algorithm>
#include <array>

#include "json/writer.h"
#include "telemetry/log.h"

namespace callgate::app {
namespace {

constexpr std::size_t kListed = 1'000;
constexpr unsigned kTries = 8;
constexpr std::array<std::chrono::seconds, 5> kPauses{std::chrono::seconds(1), std::chrono::seconds(15), std::chrono::seconds(60),
                                                      std::chrono::seconds(180), std::chrono::seconds(300)};  // after failures in a row
constexpr std::chrono::seconds kRefill{30};

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

std::string_view notice_subject(const approvals::Binding& binding) {
  const std::string_view subject = binding.tool;
  if (binding.method == "tools/call" || binding.method == "prompts/get") return subject;  // a name
  return subject.substr(0, subject.find_first_of("?#"));
}

std::string notice_body(const approvals::Approval& approval, const std::string& link, std::string_view form) {
  const approvals::Proposal& p = approval.proposal;
  std::string body;
  json::Writer out(body);
  out.begin_object();
  if (form == "slack") {
    std::string text = slack_safe(p.principal_name) + " asks for approval of `" + slack_safe(notice_subject(p.binding)) + "` on `" +
                       slack_safe(p.server_slug) + "`: " + slack_safe(p.message) + "\nLook at it: " + slack_safe(link) +
                       " or `callgate approval show " + approval.id + "`, until " + format_time(approval.expires_at);
    out.member("text", text);
  } else {
    out.member("type", "approval.pending").member("approval", approval.id).member("url", link);
    out.member("server", p.server_slug).member("method", p.binding.method).member("tool", notice_subject(p.binding));
    out.member("principal", p.principal_name).member("grant", p.grant_label).member("message", p.message);
    out.key("roles").begin_array();
    for (const std::string& role : p.roles) out.string(role);
    out.end_array();
    out.member("created_at", format_time(approval.created_at)).member("expires_at", format_time(approval.expires_at));
  }
  out.end_object();
  return body;
}

struct Notices::Round {
  struct Item {
    std::string id, text;
    std::optional<Result<void>> outcome;  // nothing: not tried, for the one before it could not be sent
  };
  std::vector<Item> items;
  std::atomic<bool> stopped{false}, finished{false};
};

Notices::Notices(approvals::Approvals& approvals, const Clock& clock, std::string public_url, NoticeLine line, Run run)
    : approvals_(approvals),
      clock_(clock),
      public_url_(std::move(public_url)),
      line_(std::move(line)),
      run_(std::move(run)),
      refilled_(clock.mono()),
      left_(line_.burst) {}

Notices::~Notices() {
  if (round_) round_->stopped = true;
}

void Notices::look() {
  if (round_ && !round_->finished) return;
  if (round_) settle();
  const auto steps = (clock_.mono() - refilled_) / kRefill;
  refilled_ += steps * kRefill;
  left_ = std::min(line_.burst, left_ + static_cast<std::size_t>(steps));
  if (approvals_.pending() == 0) return told_.clear();
  if (clock_.mono() < not_before_) return;
  auto waiting = approvals_.list(false, kListed);
  if (!waiting) return;
  std::map<std::string, Told> open;
  for (const approvals::Approval& approval : *waiting) open.insert(told_.extract(approval.id)), open.try_emplace(approval.id);
  told_ = std::move(open);
  begin(*waiting);
}

// Everything that is due and within what the line may be sent goes in one round, oldest first.
void Notices::begin(const std::vector<approvals::Approval>& waiting) {
  auto round = std::make_shared<Round>();
  bool held_back = false;
  for (auto at = waiting.rbegin(); at != waiting.rend(); ++at) {
    if (told_[at->id].done) continue;
    held_back = round->items.size() >= left_;
    if (held_back) break;
    round->items.push_back({at->id, line_.write(*at, public_url_ + "/approvals/" + at->id), {}});
  }
  if (held_back && !held_back_)
    telemetry::log_warn("many calls wait for approval: notices are held back",
                        {{"line", line_.name}, {"told", std::to_string(line_.burst)}});
  held_back_ = held_back;
  if (round->items.empty()) return;
  const bool queued = run_([round, send = line_.send] {
    for (Round::Item& item : round->items) {
      if (round->stopped) break;
      item.outcome = send(item.text, round->stopped);
      if (!*item.outcome && item.outcome->error().code != Code::InvalidArgument) break;
    }
    round->finished = true;
  });
  if (queued) round_ = std::move(round);
}

void Notices::settle() {
  for (const Round::Item& item : round_->items) {
    if (!item.outcome) continue;
    if (!*item.outcome) {
      failed(item.id, item.outcome->error());
      continue;
    }
    failures_ = 0;
    if (left_ > 0) --left_;
    if (auto told = told_.find(item.id); told != told_.end()) told->second.done = true;
  }
  round_.reset();
}

void Notices::failed(const std::string& id, const Error& error) {
  const bool never = error.code == Code::InvalidArgument;
  if (never && left_ > 0) --left_;
  if (!never) not_before_ = clock_.mono() + kPauses[std::min<std::size_t>(failures_++, kPauses.size() - 1)];
  auto told = told_.find(id);
  if (told == told_.end()) return;
  told->second.done = ++told->second.tries >= kTries || never;
  telemetry::log_warn(told->second.done ? "a notice could not be sent and is given up" : "a notice could not be sent yet",
                      {{"line", line_.name}, {"approval", id}, {"why", error.message}, {"detail", error.detail}});
}

}  // namespace callgate::app
