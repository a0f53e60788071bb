#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "net/tls.h"
#include "net/tls_inner.h"

namespace callgate::net {
namespace {

constexpr std::size_t kRecordMax = 16 * 1024;

// A socket BIO of our own: OpenSSL's writes without MSG_NOSIGNAL, and hides whether a read emptied the socket.
struct Socket {
  int fd = -1;
  bool drained = false;
  int error = 0;
};

int socket_read(BIO* bio, char* into, int size) {
  auto* const socket = static_cast<Socket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t got = 0;
  do got = ::recv(socket->fd, into, static_cast<std::size_t>(size), 0);
  while (got < 0 && errno == EINTR);
  socket->drained = got < size;
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  if (got < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
  else if (got < 0) socket->error = errno;
  return static_cast<int>(got);
}

int socket_write(BIO* bio, const char* from, int size) {
  auto* const socket = static_cast<Socket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t put = 0;
  do put = ::send(socket->fd, from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  while (put < 0 && errno == EINTR);
  if (put < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
  else if (put < 0) socket->error = errno;
  return static_cast<int>(put);
}

long socket_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return 0;
}

int socket_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "callgate socket");
    BIO_meth_set_read(made, socket_read);
    BIO_meth_set_write(made, socket_write);
    BIO_meth_set_ctrl(made, socket_control);
    BIO_meth_set_create(made, socket_create);
    return made;
  }();
  return method;
}

class TlsStream final : public ByteStream {
 public:
  TlsStream(int fd, SSL* ssl) : ssl_(ssl) { socket_.fd = fd; }
  ~TlsStream() override {
    ssl_.reset();
    ::close(socket_.fd);
  }
  bool attach() {
    BIO* const bio = BIO_new(socket_method());
    if (bio == nullptr) return false;
    BIO_set_data(bio, &socket_);
    SSL_set_bio(ssl_.get(), bio, bio);
    return true;
  }
  SSL* ssl() { return ssl_.get(); }

  IoResult read(char* into, std::size_t size) override {
    if (dead_) return {IoResult::Status::Failed, 0, true};
    ERR_clear_error();
    std::size_t got = 0;
    const int outcome = SSL_read_ex(ssl_.get(), into, size, &got);
    if (outcome == 1) return {IoResult::Status::Ok, got, socket_.drained && SSL_has_pending(ssl_.get()) == 0};
    return judge(outcome);
  }

  IoResult write(std::string_view first, std::string_view second) override {
    if (dead_) return {IoResult::Status::Failed, 0, true};
    std::size_t total = 0;
    while (!first.empty() || !second.empty()) {
      std::string_view part = first.empty() ? second : first;
      std::array<char, kRecordMax> joined;
      if (!first.empty() && !second.empty() && first.size() < kRecordMax) {
        // Head and body in one record: one send, one tag.
        const std::size_t more = std::min(second.size(), kRecordMax - first.size());
        std::memcpy(joined.data(), first.data(), first.size());
        std::memcpy(joined.data() + first.size(), second.data(), more);
        part = {joined.data(), first.size() + more};
      }
      ERR_clear_error();
      std::size_t put = 0;
      const int outcome = SSL_write_ex(ssl_.get(), part.data(), part.size(), &put);
      if (outcome != 1) {
        const IoResult result = judge(outcome);
        if (result.status == IoResult::Status::WouldBlock && total > 0) break;
        return result;
      }
      total += put;
      const std::size_t of_first = std::min(put, first.size());
      first.remove_prefix(of_first);
      second.remove_prefix(put - of_first);
    }
    return {IoResult::Status::Ok, total, false};
  }

  int fd() const override { return socket_.fd; }
  bool handshake_done() const override { return SSL_is_init_finished(ssl_.get()) == 1; }
  std::string failure() const override { return failure_; }
  void shutdown() override {
    if (dead_ || !handshake_done()) return;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

 private:
  IoResult judge(int outcome) {
    switch (SSL_get_error(ssl_.get(), outcome)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE: return {IoResult::Status::WouldBlock, 0, true};
      case SSL_ERROR_ZERO_RETURN: return {IoResult::Status::Closed, 0, true};
      default: break;
    }
    // No call is allowed on a session after a fatal error.
    dead_ = true;
    const long verdict = SSL_get_verify_result(ssl_.get());
    const unsigned long code = ERR_peek_last_error();
    if (verdict != X509_V_OK && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      failure_ = X509_verify_cert_error_string(verdict);
      ERR_clear_error();
    } else if (code != 0) {
      failure_ = take_tls_error();
    } else {
      failure_ = socket_.error != 0 ? std::strerror(socket_.error) : "the peer closed the connection without saying so in TLS";
    }
    return {IoResult::Status::Failed, 0, true};
  }

  std::unique_ptr<SSL, SslFree> ssl_;
  Socket socket_;
  bool dead_ = false;
  std::string failure_;
};

Result<std::unique_ptr<TlsStream>> make_stream(int fd, TlsContext& context) {
  ERR_clear_error();
  auto stream = std::make_unique<TlsStream>(fd, SSL_new(context.inner().context.get()));
  if (stream->ssl() == nullptr || !stream->attach()) {
    return fail(Code::Unavailable, "tls.session", "cannot start a TLS session", take_tls_error());
  }
  return stream;
}

}  // namespace

Result<std::unique_ptr<ByteStream>> ByteStream::tls_server(int fd, TlsContext& context) {
  CG_TRY(std::unique_ptr<TlsStream> stream, make_stream(fd, context));
  SSL_set_accept_state(stream->ssl());
  return std::unique_ptr<ByteStream>(std::move(stream));
}

Result<std::unique_ptr<ByteStream>> ByteStream::tls_client(int fd, TlsContext& context, const std::string& host) {
  CG_TRY(std::unique_ptr<TlsStream> stream, make_stream(fd, context));
  SSL* const ssl = stream->ssl();
  SSL_set_connect_state(ssl);
  std::array<unsigned char, 16> address;
  const bool is_address =
      ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 || ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
  bool ok = !host.empty();
  if (is_address) {
    ok = ok && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  } else {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ok = ok && SSL_set1_host(ssl, host.c_str()) == 1 &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str())) == 1;
  }
  if (!ok) return fail(Code::InvalidArgument, "tls.host", "`" + host + "` cannot be verified in a certificate", take_tls_error());
  return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace callgate::net
