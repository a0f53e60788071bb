#pragma once
// Private to net: where TlsContext and the TLS streams meet OpenSSL.

#include <openssl/ssl.h>

#include "net/tls.h"

namespace callgate::net {

struct SslFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

struct TlsContext::Inner {
  std::unique_ptr<SSL_CTX, SslFree> context;
  bool verify = true;
};

// The newest reason on this thread's error queue, in words; empties the queue.
std::string take_tls_error();

}  // namespace callgate::net
