#include "app/mail_text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "app/notices.h"
#include "approvals/call.h"
#include "base/encoding.h"

namespace callgate::app {
namespace {

constexpr std::size_t kWordBytes = 39;  // of text in one encoded word: 52 as base64, 64 with its marks
constexpr std::size_t kLineMax = 76;
constexpr std::size_t kNameMax = 120, kTextMax = 600;  // bytes shown of one value

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The start of `text`, at most `most` bytes, that does not cut a character in two.
std::string_view start_of(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  for (int i = 0; i < 3 && most > 1 && continues(text[most]); ++i) --most;
  return text.substr(0, most);
}

// Mail programs make a link of whatever looks like an address, a host, or a path on either, with a scheme or without. Apart, the pieces
// are only words.
std::string without_links(std::string_view text) {
  constexpr std::array<std::string_view, 4> kDots{".", "\u3002", "\uff0e", "\uff61"};  // those that names of hosts may be written with
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at], next = at + 1 < text.size() ? text[at + 1] : ' ';
    out += c;
    if (next == ' ') continue;
    const bool time = c == ':' && digit(next) && at > 0 && digit(text[at - 1]);  // 17:30
    const bool share = c == '\\' && next == '\\';
    const bool dot = next != '.' && std::ranges::any_of(kDots, [&](std::string_view one) { return out.ends_with(one); });
    if (dot || c == '@' || (c == ':' && !time) || share) out += ' ';
  }
  return out;
}

// One line of text somebody else may have chosen.
std::string shown(std::string_view text, std::size_t most) {
  std::string visible = approvals::visible_text(text);
  const bool cut = visible.size() > most;
  const std::string out = without_links(start_of(visible, most));
  return cut ? out + "..." : out;
}

void add_line(std::string& body, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  body.append(name).append(": ").append(10 - std::min<std::size_t>(name.size() + 2, 10), ' ').append(value) += '\n';
}

}  // namespace

std::string header_text(std::string_view visible) {
  const bool plain = visible.size() <= kLineMax - 20 && visible.find("=?") == std::string_view::npos &&
                     std::ranges::all_of(visible, [](char c) { return c >= 0x20 && c < 0x7f; });
  if (plain) return std::string(visible);
  std::string out;
  while (!visible.empty()) {
    const std::string_view word = start_of(visible, kWordBytes);
    out.append(out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?").append(base64_encode(word)).append("?=");
    visible.remove_prefix(word.size());
  }
  return out;
}

std::string mail_date(WallTime time) {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  char text[64];
  const int size = std::snprintf(
      text, sizeof text, "%s, %02u %s %d %02d:%02d:%02d +0000", kDays[std::chrono::weekday(day).c_encoding() % 7],
      static_cast<unsigned>(date.day()), kMonths[(static_cast<unsigned>(date.month()) + 11) % 12], static_cast<int>(date.year()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return std::string(text, static_cast<std::size_t>(size));
}

std::string quoted_printable(std::string_view text) {
  std::string out;
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') {
      out += "\r\n";
      used = 0;
      continue;
    }
    const bool ends = at + 1 == text.size() || text[at + 1] == '\n';
    const bool plain = (c > 0x20 && c < 0x7f && c != '=') || (c == ' ' && !ends);
    const std::size_t size = plain ? 1 : 3;
    if (used + size > kLineMax - 1) {
      out += "=\r\n";
      used = 0;
    }
    if (plain) out += c;
    else {
      char escape[4];
      out.append(escape, static_cast<std::size_t>(std::snprintf(escape, sizeof escape, "=%02X", static_cast<unsigned char>(c))));
    }
    used += size;
  }
  return out;
}

std::string mail_message(const approvals::Approval& approval, const std::string& link, const MailParties& parties, WallTime now) {
  const approvals::Proposal& p = approval.proposal;
  const std::string_view named = notice_subject(p.binding);
  const std::string_view what = named.empty() ? std::string_view(p.binding.method) : named;
  const std::string subject = "Approval wanted: " + shown(what, kNameMax) + " on " + shown(p.server_slug, kNameMax);
  std::string who = shown(p.principal_name, kNameMax), roles;
  if (!p.grant_label.empty()) who += " (grant " + shown(p.grant_label, kNameMax) + ")";
  for (const std::string& role : p.roles) roles += (roles.empty() ? "" : ", ") + shown(role, kNameMax);
  std::string body = "A call waits until a person has decided about it.\n\n";
  add_line(body, "Asked by", who);
  add_line(body, "Server", shown(p.server_slug, kNameMax));
  add_line(body, "Method", shown(p.binding.method, kNameMax));
  add_line(body, "Tool", shown(named, kNameMax));
  add_line(body, "Why", shown(p.message, kTextMax));
  add_line(body, "Decides", roles);
  add_line(body, "Until", format_time(approval.expires_at));
  body += "\nLook at it:\n" + link + "\nor: callgate approval show " + approval.id +
          "\n\nThis message decides nothing, nor does its link or an answer to it.\n";
  const std::string domain = parties.from.substr(parties.from.find('@') + 1);
  std::string mail;
  mail += "Date: " + mail_date(now) + "\r\n";
  mail += "From: Callgate <" + parties.from + ">\r\n";
  mail += "To: <" + parties.to + ">\r\n";
  mail += "Message-ID: <" + approval.id + "@" + domain + ">\r\n";  // the same when it is sent again
  mail += "Subject: " + header_text(subject) + "\r\n";
  mail += "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n";
  mail += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
  return mail + quoted_printable(body);
}

}  // namespace callgate::app
