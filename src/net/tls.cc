#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "net/tls_inner.h"

namespace callgate::net {
namespace {

constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

tl::unexpected<Error> tls_failed(std::string message) {
  return fail(Code::InvalidArgument, "tls.configuration", std::move(message), take_tls_error());
}

int select_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* picked = nullptr;
  if (SSL_select_next_proto(&picked, size, kProtocols, sizeof kProtocols, offered, offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // a client that speaks only h2 would not understand us
  }
  *chosen = picked;
  return SSL_TLSEXT_ERR_OK;
}

int no_passphrase(char*, int, int, void*) { return -1; }  // never ask on a terminal

std::unique_ptr<SSL_CTX, SslFree> new_context(const SSL_METHOD* method) {
  ERR_clear_error();
  std::unique_ptr<SSL_CTX, SslFree> context(SSL_CTX_new(method));
  if (!context) return nullptr;
  SSL_CTX* const c = context.get();
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_security_level(c, 2);
  SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // Moving buffers and partial writes suit a queue; released buffers make an idle connection cheap; read-ahead saves a recv per record.
  SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(c, 1);
  SSL_CTX_set_default_passwd_cb(c, no_passphrase);
  if (SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) return nullptr;
  return context;
}

Result<void> add_certificates(SSL_CTX* context, const std::string& pem) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  std::size_t added = 0;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    const bool ok = X509_STORE_add_cert(store, certificate) == 1;
    X509_free(certificate);
    if (!ok) return tls_failed("a certificate of the extra authorities cannot be used");
    ++added;
  }
  // The reader ends on "no start line"; anything else is a certificate that does not parse.
  const unsigned long last = ERR_peek_last_error();
  if (added == 0 || (last != 0 && ERR_GET_REASON(last) != PEM_R_NO_START_LINE)) {
    return tls_failed("the extra authorities are not PEM certificates; give one or more `BEGIN CERTIFICATE` blocks");
  }
  ERR_clear_error();
  return {};
}

}  // namespace

std::string take_tls_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return {};
  if (const char* reason = ERR_reason_error_string(code)) return reason;
  char text[160];
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

TlsContext::TlsContext() : inner_(std::make_unique<Inner>()) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::server(const std::string& certificate_file, const std::string& key_file) {
  struct stat facts {};
  if (::stat(key_file.c_str(), &facts) != 0) {
    return fail(Code::InvalidArgument, "tls.configuration", "cannot read the TLS key file `" + key_file + "`", std::strerror(errno));
  }
  if ((facts.st_mode & 077) != 0) {
    return fail(Code::InvalidArgument, "tls.key_permissions", "others can read the TLS key file `" + key_file + "`; run chmod 600 on it");
  }
  std::shared_ptr<TlsContext> result(new TlsContext());
  result->inner_->context = new_context(TLS_server_method());
  SSL_CTX* const c = result->inner_->context.get();
  if (c == nullptr) return tls_failed("cannot start TLS");
  if (SSL_CTX_use_certificate_chain_file(c, certificate_file.c_str()) != 1) {
    return tls_failed("cannot use the TLS certificate file `" + certificate_file + "`; it must hold the chain as PEM, own first");
  }
  if (SSL_CTX_use_PrivateKey_file(c, key_file.c_str(), SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(c) != 1) {
    return tls_failed("the TLS key file `" + key_file + "` is not the PEM key of the certificate, or has a passphrase");
  }
  SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);  // tickets carry the session: nothing is kept here
  SSL_CTX_set_num_tickets(c, 1);
  static constexpr unsigned char kId[] = {'c', 'a', 'l', 'l', 'g', 'a', 't', 'e'};
  SSL_CTX_set_session_id_context(c, kId, sizeof kId);
  SSL_CTX_set_alpn_select_cb(c, select_protocol, nullptr);
  return result;
}

Result<std::shared_ptr<TlsContext>> TlsContext::client(const std::string& extra_ca_pem, bool verify) {
  std::shared_ptr<TlsContext> result(new TlsContext());
  result->inner_->context = new_context(TLS_client_method());
  result->inner_->verify = verify;
  SSL_CTX* const c = result->inner_->context.get();
  if (c == nullptr) return tls_failed("cannot start TLS");
  SSL_CTX_set_verify(c, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (SSL_CTX_set_default_verify_paths(c) != 1) return tls_failed("cannot read the system's certificate authorities");
  ERR_clear_error();
  if (!extra_ca_pem.empty()) CG_CHECK(add_certificates(c, extra_ca_pem));
  SSL_CTX_set_alpn_protos(c, kProtocols, sizeof kProtocols);
  return result;
}

}  // namespace callgate::net
