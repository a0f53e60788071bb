#pragma once
// The mail that says a call waits: RFC 5322, plain text. The same facts as in the other notices and a link; nothing is decided by it, and
// nothing of the call's values is in it. What agents and servers named cannot add a header, a line or a link of its own (T-64):
// a space stands behind every dot, colon and at sign that joins two words.

#include <string>

#include "approvals/approvals.h"

namespace callgate::app {

struct MailParties {
  std::string from, to;  // checked addresses
};
std::string mail_message(const approvals::Approval& approval, const std::string& link, const MailParties& parties, WallTime now);

// The text of a header: as it is, or in encoded words (RFC 2047) with folded lines.
std::string header_text(std::string_view visible);
std::string mail_date(WallTime time);                 // Tue, 28 Jul 2026 09:00:00 +0000
std::string quoted_printable(std::string_view text);  // lines end with \n there and CRLF here, at most 76 bytes long

}  // namespace callgate::app
