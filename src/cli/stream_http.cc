// libcurl for event streams; http_transport.cc has it for the REST interface.
#include "cli/stream_http.h"

#include <curl/curl.h>

#include <mutex>

namespace callgate::cli {
namespace {

struct Exchange {
  const StreamRequest& request;
  StreamOutcome& outcome;
  bool ended = false;  // by ourselves
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* into) {
  StreamHead& head = static_cast<Exchange*>(into)->outcome.head;
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) head = {};  // a further head: what stood in the one before does not count
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size * count;
  std::string name(line.substr(0, colon));
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  if (name == "content-type") head.content_type = trimmed(line.substr(colon + 1));
  if (name == "mcp-session-id") head.session_id = trimmed(line.substr(colon + 1));
  return size * count;
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* into) {
  auto& exchange = *static_cast<Exchange*>(into);
  if (exchange.request.cancelled && exchange.request.cancelled()) exchange.ended = true;
  if (!exchange.ended && exchange.request.on_piece && !exchange.request.on_piece(exchange.outcome.head, {data, size * count}))
    exchange.ended = true;
  return exchange.ended ? CURL_WRITEFUNC_ERROR : size * count;
}

int look_up(void* into, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(into);
  if (!exchange.request.cancelled || !exchange.request.cancelled()) return 0;
  exchange.ended = true;
  return 1;
}

}  // namespace

struct StreamHttp::Inner {
  std::mutex mutex;
  std::vector<CURL*> idle;  // guarded; each with its kept connection
  CURL* take() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return curl_easy_init();
    CURL* easy = idle.back();
    idle.pop_back();
    return easy;
  }
  void give(CURL* easy) {
    curl_easy_reset(easy);
    const std::lock_guard lock(mutex);
    idle.push_back(easy);
  }
};

StreamHttp::StreamHttp() : inner_(std::make_unique<Inner>()) {}

StreamHttp::~StreamHttp() {
  for (CURL* easy : inner_->idle) curl_easy_cleanup(easy);
}

StreamOutcome StreamHttp::perform(const StreamRequest& request) {
  StreamOutcome outcome;
  CURL* easy = inner_->take();
  if (easy == nullptr) {
    outcome.unsent = true;
    outcome.failure = "cannot start an HTTP request";
    return outcome;
  }
  Exchange exchange{request, outcome};
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  for (const auto& line : request.headers) headers = curl_slist_append(headers, line.c_str());
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  if (!request.unix_socket.empty()) curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request.timeout_ms);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_up);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
  if (request.method == "POST") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  const CURLcode code = curl_easy_perform(easy);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  outcome.head.status = static_cast<int>(status);
  if (code != CURLE_OK && !exchange.ended) {
    outcome.unsent = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST;
    outcome.failure = curl_easy_strerror(code);
  }
  curl_slist_free_all(headers);
  inner_->give(easy);
  return outcome;
}

}  // namespace callgate::cli
