#include "upstream/probe_http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "net/http1.h"
#include "upstream/judged.h"
#include "upstream/upstream.h"

namespace callgate::upstream {
namespace {

constexpr std::size_t kHeadBytesMax = 64 * 1024;

// Whole events as they arrive.
class Events {
 public:
  // take(event, data): true stops there.
  template <class Take> bool add(std::string_view piece, Take&& take) {
    for (const char c : piece) {
      const bool second_of_crlf = c == '\n' && after_cr_;
      after_cr_ = c == '\r';
      if (second_of_crlf) continue;
      if (c != '\n' && c != '\r') {
        line_.push_back(c);
        continue;
      }
      if (line_.empty()) {
        const bool stop = !data_.empty() && take(std::string_view(event_), std::string_view(data_));
        data_.clear();
        event_.clear();
        if (stop) return true;
      } else if (line_.starts_with("data:")) {
        if (!data_.empty()) data_.push_back('\n');
        data_.append(line_, line_.starts_with("data: ") ? 6 : 5);
      } else if (line_.starts_with("event:")) {
        event_.assign(line_, line_.starts_with("event: ") ? 7 : 6);
      }
      line_.clear();
    }
    return false;
  }
  std::size_t held() const { return line_.size() + data_.size() + event_.size(); }

 private:
  std::string line_, data_, event_;
  bool after_cr_ = false;
};

struct Transfer {
  const ProbeRequest* request = nullptr;
  std::size_t bytes_max = 0;
  ProbeReply reply;
  Events events;
  std::size_t head_bytes = 0;
  bool found = false, too_large = false, compressed = false;
};

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size);
  transfer.head_bytes += size;
  if (transfer.head_bytes > kHeadBytesMax) {
    transfer.too_large = true;
    return 0;
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    if (line.starts_with("HTTP/")) transfer.reply = ProbeReply{};  // an interim head came before
    return size;
  }
  const std::string_view name = line.substr(0, colon);
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  if (net::equals_ignoring_case(name, "content-type")) {
    transfer.reply.content_type = value;
    transfer.reply.event_stream = net::equals_ignoring_case(value.substr(0, value.find_first_of("; \t")), "text/event-stream");
  } else if (net::equals_ignoring_case(name, "mcp-session-id")) {
    transfer.reply.session_id = value;
  } else if (net::equals_ignoring_case(name, "location")) {
    transfer.reply.location = value;
  } else if (net::equals_ignoring_case(name, "content-encoding") && !net::equals_ignoring_case(value, "identity")) {
    transfer.compressed = true;
    return 0;
  }
  return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view piece(data, size);
  if (transfer.reply.event_stream && transfer.request->is_answer) {
    transfer.found = transfer.events.add(piece, [&](std::string_view, std::string_view text) {
      const bool ours = transfer.request->is_answer(text);
      if (ours) transfer.reply.body = text;
      return ours;
    });
    if (transfer.found) return 0;  // the stream may stay open for ever
    transfer.too_large = transfer.events.held() > transfer.bytes_max;
  } else {
    transfer.too_large = transfer.reply.body.size() + size > transfer.bytes_max;
    if (!transfer.too_large) transfer.reply.body.append(piece);
  }
  return transfer.too_large ? 0 : size;
}

// The GET of HTTP+SSE: open as long as the probe lasts.
struct Stream {
  Transfer transfer;
  ProbeRequest request;
  std::string endpoint;                   // data of the first event
  const ProbeRequest* waiting = nullptr;  // whose answer is awaited
  std::string answer;
  bool first = false, endpoint_named = false, ended = false, wrong = false;
};

std::size_t on_stream(char* data, std::size_t, std::size_t size, void* user) {
  auto& stream = *static_cast<Stream*>(user);
  if (!stream.transfer.reply.event_stream) {
    stream.wrong = true;
    return 0;
  }
  stream.transfer.events.add(std::string_view(data, size), [&](std::string_view event, std::string_view text) {
    if (!std::exchange(stream.first, true)) {
      stream.endpoint_named = event == "endpoint";
      stream.endpoint = text;
    } else if (stream.waiting != nullptr && stream.answer.empty() && stream.waiting->is_answer(text)) {
      stream.answer = text;
    }
    return false;
  });
  stream.transfer.too_large = stream.transfer.events.held() > stream.transfer.bytes_max;
  return stream.transfer.too_large ? 0 : size;
}

// T-65: the last look, at the very address a socket is opened for. Whatever curl was told or thinks it knows.
curl_socket_t on_socket(void* user, curlsocktype, curl_sockaddr* to) {
  const int fd = open_judged(*static_cast<const std::vector<IpAddress>*>(user), &to->addr, to->socktype, to->protocol);
  return fd < 0 ? CURL_SOCKET_BAD : fd;
}

// What curl tells nowhere else: how far a connection came that failed, and which TLS it speaks.
struct Trace {
  bool connected = false;
  std::string tls_version;
};

int on_trace(CURL*, curl_infotype type, char* data, std::size_t size, void* user) {
  constexpr std::string_view kUsing = "SSL connection using ";
  if (type != CURLINFO_TEXT) return 0;
  auto& trace = *static_cast<Trace*>(user);
  const std::string_view line(data, size);
  if (line.starts_with("Connected to ")) trace.connected = true;
  if (line.starts_with(kUsing)) trace.tls_version = line.substr(kUsing.size(), line.find_first_of(" /", kUsing.size()) - kUsing.size());
  return 0;
}

struct HeaderList {
  curl_slist* list = nullptr;
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
  ~HeaderList() {
    for (curl_slist* at = list; at != nullptr; at = at->next) ::explicit_bzero(at->data, std::strlen(at->data));
    curl_slist_free_all(list);
  }
};

}  // namespace

struct ProbeClient::Inner {
  CURL* curl = nullptr;
  curl_slist* resolve = nullptr;
  std::vector<IpAddress> judged;
  Secret credential_lines;
  std::chrono::milliseconds connect_timeout{0};
  std::size_t bytes_max = 0;
  bool tls = false, secured = false;
  char cause[CURL_ERROR_SIZE] = {};
  Trace trace;
  std::string expires, peer;
  std::chrono::milliseconds connect_took{0}, tls_took{0};

  CURLM* multi = nullptr;  // with the event stream, once that is open
  CURL* get = nullptr;
  std::unique_ptr<Stream> stream;
  std::unique_ptr<HeaderList> get_headers;

  ~Inner() {
    if (get != nullptr) curl_multi_remove_handle(multi, get);
    curl_easy_cleanup(get);
    curl_multi_cleanup(multi);
    curl_easy_cleanup(curl);
    curl_slist_free_all(resolve);
  }

  template <class T> void set(CURLoption option, T value) { curl_easy_setopt(curl, option, value); }

  void add_headers(HeaderList& headers, const ProbeRequest& request) const {
    for (const std::string& line : request.headers) headers.add(line);
    headers.add("Accept-Encoding: identity");
    headers.add("Expect:");
    std::string_view lines = credential_lines.reveal();
    while (!lines.empty()) {
      const std::size_t end = std::min(lines.find("\r\n"), lines.size());
      if (end > 0) headers.add(std::string(lines.substr(0, end)));
      lines.remove_prefix(std::min(end + 2, lines.size()));
    }
  }

  // Sets up the one request that `curl` makes next.
  void prepare(const ProbeRequest& request, Transfer& transfer, HeaderList& headers, std::chrono::milliseconds timeout) {
    transfer.request = &request;
    transfer.bytes_max = bytes_max;
    add_headers(headers, request);
    set(CURLOPT_HTTPHEADER, headers.list);
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.method == "POST") {
      set(CURLOPT_POSTFIELDS, request.body.data());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    } else {
      set(CURLOPT_HTTPGET, 1L);
    }
    set(CURLOPT_HEADERDATA, &transfer);
    set(CURLOPT_WRITEDATA, &transfer);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(std::min(connect_timeout, timeout).count(), 1)));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(timeout.count(), 1)));
    cause[0] = '\0';
  }

  // Moves all transfers of `multi` until `done` or the deadline; what ended is told to `ended`.
  template <class Done, class Ended> bool drive(MonoTime until, Done&& done, Ended&& ended) {
    while (!done()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - SystemClock().mono());
      if (left.count() <= 0) return false;
      int running = 0, queued = 0;
      if (curl_multi_perform(multi, &running) != CURLM_OK) return false;
      while (CURLMsg* message = curl_multi_info_read(multi, &queued)) {
        if (message->msg == CURLMSG_DONE) ended(message->easy_handle, message->data.result);
      }
      if (!done()) curl_multi_poll(multi, nullptr, 0, static_cast<int>(std::min<std::int64_t>(left.count(), 1'000)), nullptr);
    }
    return true;
  }

  static std::chrono::microseconds info_time(CURL* from, CURLINFO what) {
    curl_off_t value = 0;
    curl_easy_getinfo(from, what, &value);
    return std::chrono::microseconds(value);
  }

  void note_connection(CURL* from) {
    const auto at_connect = info_time(from, CURLINFO_CONNECT_TIME_T);
    const auto at_tls = info_time(from, CURLINFO_APPCONNECT_TIME_T);
    secured = secured || at_tls.count() > 0;
    if (!peer.empty() || !trace.connected) return;
    connect_took = std::chrono::duration_cast<std::chrono::milliseconds>(at_connect);
    tls_took = std::chrono::duration_cast<std::chrono::milliseconds>(std::max(at_tls - at_connect, std::chrono::microseconds(0)));
    char* text = nullptr;
    if (curl_easy_getinfo(from, CURLINFO_PRIMARY_IP, &text) == CURLE_OK && text != nullptr) peer = text;
    curl_certinfo* certificates = nullptr;
    if (!tls || curl_easy_getinfo(from, CURLINFO_CERTINFO, &certificates) != CURLE_OK || certificates == nullptr ||
        certificates->num_of_certs == 0)
      return;
    for (const curl_slist* at = certificates->certinfo[0]; at != nullptr; at = at->next) {
      const std::string_view line(at->data);
      if (line.starts_with("Expire date:")) expires = line.substr(12);
    }
  }

  Error explain(CURLcode code, const Transfer& transfer) const {
    const std::string why = cause[0] != '\0' ? cause : curl_easy_strerror(code);
    if (transfer.too_large)
      return {Code::TooLarge, "upstream.too_large", "the answer is larger than " + std::to_string(transfer.bytes_max) + " bytes", why};
    if (transfer.compressed)
      return {Code::Unavailable, "upstream.protocol", "the server compressed its answer although that was not offered", why};
    const bool timeout = code == CURLE_OPERATION_TIMEDOUT;
    if (!trace.connected) {
      return {timeout ? Code::Timeout : Code::Unavailable, timeout ? "upstream.connect_timeout" : "upstream.connect",
              timeout ? "no answer to the connection attempt" : why, why};
    }
    if (tls && !secured) {
      return {timeout ? Code::Timeout : Code::Unavailable, "upstream.tls", timeout ? "the handshake was not finished in time" : why, why};
    }
    if (timeout) return {Code::Timeout, "upstream.timeout", "no answer to the request in time", why};
    if (code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE) {
      return {Code::Unavailable, "upstream.reset", "the server closed the connection without a complete answer", why};
    }
    return {Code::Unavailable, "upstream.protocol", "the server does not speak HTTP/1.1: " + why, why};
  }
};

ProbeClient::ProbeClient(const Server& server, const vault::Credentials& credentials, const std::vector<IpAddress>& judged)
    : inner_(std::make_unique<Inner>()) {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  Inner& in = *inner_;
  in.judged = judged;
  in.credential_lines = credentials.header_lines();
  in.connect_timeout = server.connect_timeout;
  in.bytes_max = server.response_bytes_max;
  in.tls = server.url.tls;
  in.curl = kReady == CURLE_OK ? curl_easy_init() : nullptr;
  if (in.curl == nullptr) return;
  in.resolve = curl_slist_append(nullptr, resolve_line(server.url.host, server.url.port, judged).c_str());
  in.set(CURLOPT_RESOLVE, in.resolve);
  in.set(CURLOPT_OPENSOCKETFUNCTION, &on_socket);
  in.set(CURLOPT_OPENSOCKETDATA, &in.judged);
  in.set(CURLOPT_URL, server.url.text().c_str());
  in.set(CURLOPT_PATH_AS_IS, 1L);
  in.set(CURLOPT_PROTOCOLS_STR, "http,https");
  in.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  in.set(CURLOPT_FOLLOWLOCATION, 0L);
  in.set(CURLOPT_PROXY, "");  // not even from the environment
  in.set(CURLOPT_NOSIGNAL, 1L);
  in.set(CURLOPT_ERRORBUFFER, in.cause);
  in.set(CURLOPT_HEADERFUNCTION, &on_header);
  in.set(CURLOPT_WRITEFUNCTION, &on_body);
  in.set(CURLOPT_DEBUGFUNCTION, &on_trace);
  in.set(CURLOPT_DEBUGDATA, &in.trace);
  in.set(CURLOPT_VERBOSE, 1L);
  in.set(CURLOPT_CERTINFO, 1L);
  in.set(CURLOPT_SSL_VERIFYPEER, server.tls_verify ? 1L : 0L);
  in.set(CURLOPT_SSL_VERIFYHOST, server.tls_verify ? 2L : 0L);
  in.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!server.tls_ca_pem.empty()) {
    // In addition to the system's folder, which curl keeps using.
    curl_blob blob{const_cast<char*>(server.tls_ca_pem.data()), server.tls_ca_pem.size(), CURL_BLOB_COPY};
    in.set(CURLOPT_CAINFO_BLOB, &blob);
  }
}

ProbeClient::~ProbeClient() = default;

Result<ProbeReply> ProbeClient::send(const ProbeRequest& request, std::chrono::milliseconds timeout) {
  Inner& in = *inner_;
  if (in.curl == nullptr) return fail(Code::Internal, "internal.curl", "the HTTP client could not be started");
  Transfer transfer;
  HeaderList headers;
  in.prepare(request, transfer, headers, timeout);
  const CURLcode code = curl_easy_perform(in.curl);
  in.set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
  in.note_connection(in.curl);
  if (code != CURLE_OK && !transfer.found) return tl::unexpected<Error>(in.explain(code, transfer));
  long status = 0;
  curl_easy_getinfo(in.curl, CURLINFO_RESPONSE_CODE, &status);
  transfer.reply.status = static_cast<int>(status);
  return std::move(transfer.reply);
}

Result<ProbeStreamHead> ProbeClient::open_stream(std::chrono::milliseconds timeout) {
  Inner& in = *inner_;
  in.multi = in.curl != nullptr ? curl_multi_init() : nullptr;
  in.get = in.multi != nullptr ? curl_easy_duphandle(in.curl) : nullptr;
  if (in.get == nullptr) return fail(Code::Internal, "internal.curl", "the HTTP client could not be started");
  in.stream = std::make_unique<Stream>();
  Stream& stream = *in.stream;
  stream.transfer.bytes_max = in.bytes_max;
  stream.request.headers = {"Accept: text/event-stream", "User-Agent: callgate/" CALLGATE_VERSION};
  in.get_headers = std::make_unique<HeaderList>();
  in.add_headers(*in.get_headers, stream.request);
  curl_easy_setopt(in.get, CURLOPT_HTTPHEADER, in.get_headers->list);
  curl_easy_setopt(in.get, CURLOPT_CUSTOMREQUEST, static_cast<char*>(nullptr));
  curl_easy_setopt(in.get, CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(in.get, CURLOPT_TIMEOUT_MS, 0L);
  curl_easy_setopt(in.get, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(in.connect_timeout.count(), 1)));
  curl_easy_setopt(in.get, CURLOPT_HEADERDATA, &stream.transfer);
  curl_easy_setopt(in.get, CURLOPT_WRITEFUNCTION, &on_stream);
  curl_easy_setopt(in.get, CURLOPT_WRITEDATA, &stream);
  curl_multi_add_handle(in.multi, in.get);
  CURLcode code = CURLE_OK;
  const bool in_time = in.drive(
      SystemClock().mono() + timeout, [&] { return stream.first || stream.ended || stream.wrong; },
      [&](CURL*, CURLcode result) {
        stream.ended = true;
        code = result;
      });
  long status = 0;
  curl_easy_getinfo(in.get, CURLINFO_RESPONSE_CODE, &status);
  in.note_connection(in.get);
  if (!in_time) return fail(Code::Timeout, "upstream.timeout", "no first event in time");
  if (status == 0) return tl::unexpected<Error>(in.explain(code, stream.transfer));
  return ProbeStreamHead{static_cast<int>(status), stream.transfer.reply.event_stream, stream.endpoint_named, stream.endpoint};
}

Result<ProbeReply> ProbeClient::post(const Url& to, const ProbeRequest& request, std::chrono::milliseconds timeout) {
  Inner& in = *inner_;
  Stream& stream = *in.stream;
  Transfer transfer;
  HeaderList headers;
  in.prepare(request, transfer, headers, timeout);
  in.set(CURLOPT_URL, to.text().c_str());
  stream.answer.clear();
  stream.waiting = request.is_answer ? &request : nullptr;
  bool posted = false;
  CURLcode code = CURLE_OK;
  long status = 0;
  curl_multi_add_handle(in.multi, in.curl);
  const bool in_time = in.drive(
      SystemClock().mono() + timeout,
      [&] {
        return !stream.answer.empty() || stream.ended || (posted && (stream.waiting == nullptr || code != CURLE_OK || status >= 300));
      },
      [&](CURL* which, CURLcode result) {
        if (which == in.get) {
          stream.ended = true;
          return;
        }
        posted = true;
        code = result;
        curl_easy_getinfo(in.curl, CURLINFO_RESPONSE_CODE, &status);
      });
  curl_multi_remove_handle(in.multi, in.curl);
  in.set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
  stream.waiting = nullptr;
  if (stream.transfer.too_large) return tl::unexpected<Error>(in.explain(CURLE_WRITE_ERROR, stream.transfer));
  if (!stream.answer.empty()) {
    ProbeReply reply;
    reply.status = 200;
    reply.event_stream = true;
    reply.content_type = "text/event-stream";
    reply.body = std::move(stream.answer);
    return reply;
  }
  if (stream.ended) return fail(Code::Unavailable, "upstream.reset", "the server ended its event stream");
  if (!in_time) return fail(Code::Timeout, "upstream.timeout", "no answer to the request in time");
  if (code != CURLE_OK) return tl::unexpected<Error>(in.explain(code, transfer));
  transfer.reply.status = static_cast<int>(status);
  return std::move(transfer.reply);
}

std::string ProbeClient::peer_address() const { return inner_->peer; }
std::chrono::milliseconds ProbeClient::connect_took() const { return inner_->connect_took; }
std::chrono::milliseconds ProbeClient::tls_took() const { return inner_->tls_took; }

std::string ProbeClient::tls_summary() const {
  if (!inner_->tls) return {};
  std::string text = inner_->trace.tls_version.empty() ? "TLS" : inner_->trace.tls_version;
  if (!inner_->expires.empty()) text += ", certificate until " + inner_->expires;
  return text;
}

}  // namespace callgate::upstream
