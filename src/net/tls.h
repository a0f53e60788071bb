#pragma once
// OpenSSL contexts, and the byte layer both sides of the gate use: a socket, plain or TLS, non-blocking, on a Loop.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace callgate::net {

// Server: certificate chain and key files (key must be 0600 or tighter). Client: system trust store, plus `extra_ca_pem` when not empty.
class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> server(const std::string& certificate_file, const std::string& key_file);
  static Result<std::shared_ptr<TlsContext>> client(const std::string& extra_ca_pem, bool verify);
  ~TlsContext();
  struct Inner;
  Inner& inner() { return *inner_; }

 private:
  TlsContext();
  std::unique_ptr<Inner> inner_;
};

// What one read or write achieved. Closed: the peer ended its side in order. Failed: broken; failure() says why.
struct IoResult {
  enum class Status : std::uint8_t { Ok, WouldBlock, Closed, Failed } status = Status::Ok;
  std::size_t bytes = 0;
  // read: the socket gave less than it was asked for, so a further read would block; the loop tells when there is more. It is no
  // promise after EPOLLRDHUP: then read on until Closed. write: Ok with fewer bytes than given means the socket is full.
  bool drained = false;
};

// Owns the descriptor. TLS handshakes happen inside read()/write(): they return WouldBlock until it is done. A TLS write may wait for
// bytes from the peer and a read for room to write: on every event retry whatever is pending. A write that returned WouldBlock is
// retried with the same bytes first (more may follow). After Failed only the destructor is of use.
class ByteStream {
 public:
  static std::unique_ptr<ByteStream> plain(int fd);
  static Result<std::unique_ptr<ByteStream>> tls_server(int fd, TlsContext& context);
  // host: SNI and the name verified against the certificate (RFC 6125; an address is verified as an address).
  static Result<std::unique_ptr<ByteStream>> tls_client(int fd, TlsContext& context, const std::string& host);
  virtual ~ByteStream() = default;
  virtual IoResult read(char* into, std::size_t size) = 0;
  virtual IoResult write(std::string_view first, std::string_view second = {}) = 0;  // gathered: head and body in one system call
  virtual int fd() const = 0;
  virtual bool handshake_done() const = 0;
  virtual std::string failure() const = 0;  // why, for a human: "certificate has expired"
  virtual void shutdown() = 0;              // best effort
};

}  // namespace callgate::net
