#include "upstream/mail.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "upstream/judged.h"

namespace callgate::upstream {
namespace {

constexpr std::size_t kAddressMax = 254;  // RFC 5321 4.5.3.1.3, without the brackets
constexpr std::size_t kLocalMax = 64;

bool letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// A dot-atom: what every server takes unquoted (RFC 5321 4.1.2).
bool local_part(std::string_view text) {
  if (text.empty() || text.size() > kLocalMax || text.front() == '.' || text.back() == '.') return false;
  if (text.find("..") != std::string_view::npos) return false;
  return std::ranges::all_of(
      text, [](char c) { return letter_or_digit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos; });
}

bool domain(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos) return false;
  return std::ranges::all_of(text, [](char c) { return letter_or_digit(c) || c == '-' || c == '.'; });
}

struct Transfer {
  std::string_view left;
  const std::atomic<bool>* stopped = nullptr;
  std::vector<IpAddress> judged;
  bool named = false;  // the recipient: a refusal from then on is about this message, one before that about the server or its settings
  long reply = 0;
  char cause[CURL_ERROR_SIZE] = {};
};

std::size_t on_read(char* into, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t taken = std::min(size * count, transfer.left.size());
  std::memcpy(into, transfer.left.data(), taken);
  transfer.left.remove_prefix(taken);
  return taken;
}

std::size_t on_reply(char*, std::size_t size, std::size_t count, void*) { return size * count; }

int on_trace(CURL*, curl_infotype type, char* data, std::size_t size, void* user) {
  if (type == CURLINFO_HEADER_OUT && std::string_view(data, size).starts_with("RCPT ")) static_cast<Transfer*>(user)->named = true;
  return 0;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->stopped->load(std::memory_order_relaxed) ? 1 : 0;
}

curl_socket_t on_socket(void* user, curlsocktype, curl_sockaddr* to) {
  const int fd = open_judged(static_cast<Transfer*>(user)->judged, &to->addr, to->socktype, to->protocol);
  return fd < 0 ? CURL_SOCKET_BAD : fd;
}

struct ListEnd {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListEnd>;

struct HandleEnd {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};

// Whether what left the gate must be under TLS. Bytes to loopback leave no machine; a certificate that is named is meant.
bool wants_tls(const MailServer& server, const std::vector<IpAddress>& judged) {
  return !server.ca_pem.empty() || !std::ranges::all_of(judged, [](const IpAddress& address) { return address.loopback(); });
}

Error explain(const MailServer& server, CURLcode code, const Transfer& transfer) {
  const std::string what = "the mail server at `" + server.host + "`";
  const std::string why = transfer.cause[0] != '\0' ? transfer.cause : curl_easy_strerror(code);
  switch (code) {
    case CURLE_USE_SSL_FAILED:
      return {Code::Unavailable, "notice.tls", what + " offers no TLS: without it nothing is sent; use smtps:// or another port", why};
    case CURLE_SSL_CONNECT_ERROR: return {Code::Unavailable, "notice.tls", what + " and the gate could not agree on TLS", why};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return {Code::Unavailable, "notice.tls", what + " shows a certificate that is not trusted: name its authority in `mail.ca`", why};
    case CURLE_COULDNT_CONNECT: return {Code::Unavailable, "notice.unsent", what + " could not be reached", why};
    case CURLE_OPERATION_TIMEDOUT: return {Code::Unavailable, "notice.unsent", what + " did not answer in time", why};
    case CURLE_ABORTED_BY_CALLBACK: return {Code::Unavailable, "notice.unsent", "the gate stopped before the message was sent", why};
    default: break;
  }
  if (transfer.reply < 400 || transfer.reply > 599)
    return {Code::Unavailable, "notice.unsent", what + " ended the conversation too early", why};
  const bool for_good = transfer.reply >= 500;
  const bool login = code == CURLE_LOGIN_DENIED;
  const std::string said = what + (login ? " refused the login (" : " refused (") + std::to_string(transfer.reply) + ")";
  if (for_good && login) return {Code::Unavailable, "notice.login", said, why};
  if (for_good && transfer.named) return {Code::InvalidArgument, "notice.rejected", said, why};
  return {Code::Unavailable, "notice.refused", said, why};
}

}  // namespace

Result<MailServer> MailServer::parse(std::string_view url) {
  MailServer server;
  std::string_view rest = url;
  if (rest.starts_with("smtps://")) server.tls = true;
  else if (!rest.starts_with("smtp://")) rest = {};
  rest.remove_prefix(std::min<std::size_t>(rest.size(), server.tls ? 8 : 7));
  if (rest.ends_with('/')) rest.remove_suffix(1);
  // Names and addresses are read as those of servers are; a login or a path has no place here.
  const auto as_http = rest.find_first_of("/?#@") == std::string_view::npos ? Url::parse("http://" + std::string(rest)) : std::nullopt;
  if (!as_http)
    return fail(Code::InvalidArgument, "mail.server",
                "`mail.server` is no smtp://host:port or smtps://host:port: its login goes into mail.user");
  const std::size_t bracket = rest.rfind(']');
  const bool named = rest.find(':', bracket == std::string_view::npos ? 0 : bracket) != std::string_view::npos;
  server.host = as_http->host;
  server.port = named ? as_http->port : static_cast<std::uint16_t>(server.tls ? 465 : 587);
  return server;
}

Result<void> check_mail_address(std::string_view address) {
  const std::size_t at = address.find('@');
  if (address.size() <= kAddressMax && at != std::string_view::npos && local_part(address.substr(0, at)) && domain(address.substr(at + 1)))
    return {};
  return fail(Code::InvalidArgument, "mail.address", "a mail address must be plain, as in ada@example.com: no name, brackets or quotes");
}

Result<void> send_mail(const MailServer& server, const Mail& mail, const std::atomic<bool>& stopped) {
  CG_CHECK(check_mail_address(mail.from));
  CG_CHECK(check_mail_address(mail.to));
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  Transfer transfer{mail.text, &stopped, {}};
  CG_TRY(transfer.judged, judge_own_host(server.host));
  const List resolve(curl_slist_append(nullptr, resolve_line(server.host, server.port, transfer.judged).c_str()));
  const List to(curl_slist_append(nullptr, ("<" + mail.to + ">").c_str()));
  const std::unique_ptr<CURL, HandleEnd> handle(kReady == CURLE_OK ? curl_easy_init() : nullptr);
  if (!handle || !resolve || !to) return fail(Code::Internal, "internal.curl", "the mail client could not be started");
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(handle.get(), option, value); };
  const std::string host = server.host.find(':') == std::string::npos ? server.host : "[" + server.host + "]";
  set(CURLOPT_URL, ((server.tls ? "smtps://" : "smtp://") + host + ":" + std::to_string(server.port)).c_str());
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_RESOLVE, resolve.get());
  set(CURLOPT_OPENSOCKETFUNCTION, &on_socket);
  set(CURLOPT_OPENSOCKETDATA, &transfer);
  set(CURLOPT_PROXY, "");  // not even from the environment
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_ERRORBUFFER, transfer.cause);
  set(CURLOPT_VERBOSE, 1L);  // for on_trace, which keeps nothing
  set(CURLOPT_DEBUGFUNCTION, &on_trace);
  set(CURLOPT_DEBUGDATA, &transfer);
  set(CURLOPT_USE_SSL, static_cast<long>(wants_tls(server, transfer.judged) ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!server.ca_pem.empty()) {
    curl_blob blob{const_cast<char*>(server.ca_pem.data()), server.ca_pem.size(), CURL_BLOB_COPY};
    set(CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!server.user.empty()) {
    set(CURLOPT_USERNAME, server.user.c_str());
    set(CURLOPT_PASSWORD, server.password.reveal().data());  // ends with NUL: it is all of a string
    set(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
  }
  set(CURLOPT_MAIL_FROM, ("<" + mail.from + ">").c_str());
  set(CURLOPT_MAIL_RCPT, to.get());
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, &on_read);
  set(CURLOPT_READDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, &on_reply);
  set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(mail.text.size()));
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, &transfer);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(server.patience.count()));
  set(CURLOPT_SERVER_RESPONSE_TIMEOUT, static_cast<long>(std::max<std::int64_t>(server.patience.count() / 1'000, 1)));
  const CURLcode code = curl_easy_perform(handle.get());
  if (code == CURLE_OK) return {};
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &transfer.reply);
  return tl::unexpected<Error>(explain(server, code, transfer));
}

}  // namespace callgate::upstream
