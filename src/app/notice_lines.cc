// From settings to the places that are told about waiting calls.

#include <mutex>

#include "app/mail_text.h"
#include "app/notices.h"
#include "base/read_file.h"
#include "upstream/mail.h"
#include "upstream/notice.h"

namespace callgate::app {
namespace {

constexpr std::chrono::minutes kAfterLogin{5};
constexpr std::size_t kMailBurst = 20, kAddressesMax = 20, kCaBytesMax = 1024 * 1024;

tl::unexpected<Error> wrong(std::string message) { return fail(Code::InvalidArgument, "config.value", std::move(message)); }

Result<std::string> read_ca(const std::string& path) {
  auto text = read_small_file(path, kCaBytesMax);
  if (!text) return wrong("`mail.ca`: " + text.error().message);
  if (text->find("-----BEGIN CERTIFICATE-----") == std::string::npos)
    return wrong("`mail.ca` names no PEM file with a certificate: `" + path.substr(0, 200) + "`");
  return text;
}

Result<upstream::MailServer> mail_server(const config::Settings::Mail& mail) {
  auto server = upstream::MailServer::parse(mail.server);
  if (!server) return wrong(server.error().message);
  if (!upstream::check_mail_address(mail.from)) return wrong("`mail.from` is no plain address such as gate@example.com");
  if (mail.user.empty() != mail.password.empty())
    return wrong("`mail.user` and the password in CALLGATE_MAIL_PASSWORD go together: set both or neither");
  server->user = mail.user;
  server->password = mail.password;
  if (!mail.ca.empty()) {
    CG_TRY(server->ca_pem, read_ca(mail.ca));
  }
  return server;
}

// One server, for all who are told by it. Once it refused the login it is left alone for a while: agents can make calls wait, and many
// wrong logins lock an account.
class SharedServer {
 public:
  SharedServer(upstream::MailServer server, const Clock& clock) : server_(std::move(server)), clock_(clock) {}

  Result<void> send(const upstream::Mail& mail, const std::atomic<bool>& stopped) {
    {
      const std::lock_guard lock(mutex_);
      if (clock_.mono() < not_before_)
        return fail(Code::Unavailable, "notice.login", "the mail server refused the login a short while ago: it is not asked again yet");
    }
    auto sent = upstream::send_mail(server_, mail, stopped);
    const std::lock_guard lock(mutex_);
    if (!sent && sent.error().reason == "notice.login") not_before_ = clock_.mono() + kAfterLogin;
    return sent;
  }

 private:
  const upstream::MailServer server_;
  const Clock& clock_;
  std::mutex mutex_;
  MonoTime not_before_{};
};

}  // namespace

Result<std::vector<NoticeLine>> notice_lines(const config::Settings& settings, const Clock& clock) {
  std::vector<NoticeLine> lines;
  const auto& approvals = settings.approvals;
  if (!approvals.webhook.empty()) {
    auto to = Url::parse(approvals.webhook);
    if (!to) return wrong("`approvals.webhook` is no http or https URL");
    NoticeLine line;
    line.name = "webhook";
    line.write = [form = approvals.webhook_form](const approvals::Approval& approval, const std::string& link) {
      return notice_body(approval, link, form);
    };
    line.send = [to = *to](const std::string& text, const std::atomic<bool>&) { return upstream::send_notice(to, text); };
    lines.push_back(std::move(line));
  }
  if (approvals.mail_to.empty()) return lines;
  if (settings.mail.server.empty()) return wrong("`approvals.mail_to` needs `mail.server`, as in smtp://mail.example.com:587");
  if (approvals.mail_to.size() > kAddressesMax)
    return wrong("`approvals.mail_to` names more than " + std::to_string(kAddressesMax) + " addresses: use a mailing list");
  CG_TRY(auto named, mail_server(settings.mail));
  const auto server = std::make_shared<SharedServer>(std::move(named), clock);
  for (const std::string& address : approvals.mail_to) {
    if (!upstream::check_mail_address(address)) return wrong("`approvals.mail_to` holds what is no plain address such as ada@example.com");
    NoticeLine line;
    line.name = "mail to " + address;
    line.burst = kMailBurst;
    MailParties parties{settings.mail.from, address};
    line.write = [parties, &clock](const approvals::Approval& approval, const std::string& link) {
      return mail_message(approval, link, parties, clock.now());
    };
    line.send = [parties, server](const std::string& text, const std::atomic<bool>& stopped) {
      return server->send({parties.from, parties.to, text}, stopped);
    };
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace callgate::app
