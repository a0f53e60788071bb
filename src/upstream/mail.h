#pragma once
// A message of the gate's own by SMTP (RFC 5321), to one address. TLS always, and verified, but for a server on loopback of which no
// certificate is known. The address is judged like a server's (T-65). Blocking; for the worker pool.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace callgate::upstream {

struct MailServer {
  bool tls = false;  // from the first byte (smtps); else STARTTLS
  std::string host;
  std::uint16_t port = 0;
  std::string user;  // empty: no login
  Secret password;
  std::string ca_pem;  // trusted beside the system's; then TLS is wanted on loopback too
  std::chrono::milliseconds patience{15'000};

  // smtp://host[:port] (587) or smtps://host[:port] (465). InvalidArgument mail.server.
  static Result<MailServer> parse(std::string_view url);
};

// One plain address: no name, no brackets, no quotes, ASCII. InvalidArgument mail.address.
Result<void> check_mail_address(std::string_view address);

struct Mail {
  std::string from, to;
  std::string text;  // head and body with CRLF line ends; lines of at most 998 bytes
};

// InvalidArgument notice.rejected when the server will never take it (5yz to the recipient or the text), else Unavailable
// notice.{address, unsent, refused, tls}, or notice.login: trying that often may lock the account.
// Messages hold nothing the server said but its code. `stopped`: give up soon.
Result<void> send_mail(const MailServer& server, const Mail& mail, const std::atomic<bool>& stopped);

}  // namespace callgate::upstream
