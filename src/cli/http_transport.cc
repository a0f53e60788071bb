// The one file that sees libcurl: REST over the control socket or over the network.
#include <curl/curl.h>

#include <cstring>

#include "cli/session.h"

namespace callgate::cli {
namespace {

struct Handle {
  CURL* easy = curl_easy_init();
  curl_slist* headers = nullptr;
  ~Handle() {
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
  }
  void header(const std::string& line) { headers = curl_slist_append(headers, line.c_str()); }
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* into) {
  constexpr std::string_view kNext = "callgate-next:";
  std::string_view line(data, size * count);
  if (line.size() > kNext.size()) {
    std::string name(line.substr(0, kNext.size()));
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    if (name == kNext) {
      auto value = line.substr(kNext.size());
      while (!value.empty() && (value.front() == ' ')) value.remove_prefix(1);
      while (!value.empty() && (value.back() == '\r' || value.back() == '\n')) value.remove_suffix(1);
      static_cast<HttpReply*>(into)->next = value;
    }
  }
  return size * count;
}

std::string where_of(const config::Settings& settings) { return settings.url.empty() ? settings.control_socket() : settings.url; }

Error unreachable(const config::Settings& settings, const char* why) {
  std::string message = "no gate answers at `" + where_of(settings) + "` (" + why + "); ";
  message += settings.url.empty() ? "start it with `callgate serve`, or name another with --data or --url"
                                  : "check --url, or leave it out to use the control socket";
  return Error{Code::Unavailable, "cli.unreachable", std::move(message), ""};
}

Result<HttpReply> send(const config::Settings& settings, const HttpRequest& request) {
  Handle handle;
  if (!handle.easy) return fail(Code::Internal, "cli.curl", "cannot start an HTTP request");
  HttpReply reply;
  std::string base = settings.url;
  while (!base.empty() && base.back() == '/') base.pop_back();
  if (base.empty()) {
    std::string socket = settings.control_socket();
    // Longer ones do not fit a socket address; libcurl would say only that it failed.
    if (socket.size() > 107)
      return fail(Code::InvalidArgument, "cli.socket", "`" + socket + "` is too long for a socket; use a shorter --data");
    curl_easy_setopt(handle.easy, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    base = "http://callgate";
    curl_easy_setopt(handle.easy, CURLOPT_PROXY, "");
    handle.header("Host: localhost");
  } else if (!settings.token.empty()) {
    bool safe = base.starts_with("https://") || base.starts_with("http://127.") || base.starts_with("http://localhost") ||
                base.starts_with("http://[::1]");
    if (!safe)
      return fail(Code::InvalidArgument, "cli.plain_url",
                  "`" + base + "` has no TLS: the API token would cross the network in clear text; use https://");
    handle.header("Authorization: Bearer " + std::string(settings.token.reveal()));
  }
  handle.header("Accept: application/json");
  handle.header("Expect:");
  if (!request.body.empty()) handle.header("Content-Type: application/json");
  std::string url = base + request.path;
  curl_easy_setopt(handle.easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle.easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(handle.easy, CURLOPT_HTTPHEADER, handle.headers);
  curl_easy_setopt(handle.easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle.easy, CURLOPT_FOLLOWLOCATION, 0L);  // a redirect could carry the token elsewhere
  curl_easy_setopt(handle.easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  curl_easy_setopt(handle.easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle.easy, CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(handle.easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(handle.easy, CURLOPT_HEADERDATA, &reply);
  if (!request.body.empty()) {
    curl_easy_setopt(handle.easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(handle.easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  } else if (request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
    curl_easy_setopt(handle.easy, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(handle.easy, CURLOPT_POSTFIELDSIZE, 0L);
  }
  CURLcode code = curl_easy_perform(handle.easy);
  if (code != CURLE_OK) return tl::unexpected(unreachable(settings, curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(handle.easy, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  return reply;
}

}  // namespace

Transport http_transport(const config::Settings& settings) {
  return [&settings](const HttpRequest& request) { return send(settings, request); };
}

}  // namespace callgate::cli
