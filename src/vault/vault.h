#pragma once
// Upstream credentials: AES-256-GCM at rest with the record id as associated data and versioned keys (design section 6, T-68).
// Nothing here is ever logged, returned by an API or put in an error. Threads: all functions may be called from any thread.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace callgate::vault {

// The header lines of one server, opened, or the secret part of its command's environment. Only upstream/ and stdio/ may ask for the text,
// which send it, and gateway/inspection.cc, which keeps a keyed hash.
class Credentials {
 public:
  Credentials() = default;
  explicit Credentials(Secret header_lines, Secret environment = {})
      : header_lines_(std::move(header_lines)), environment_(std::move(environment)) {}
  const Secret& header_lines() const { return header_lines_; }  // "Name: value\r\n" for each, CRLF-safe by construction
  const Secret& environment() const { return environment_; }    // "NAME=value" for each, a NUL after it
 private:
  Secret header_lines_, environment_;
};

class Vault {
 public:
  virtual ~Vault() = default;
  // sealed = "v<key version>:" base64(nonce | ciphertext | tag); the record id is authenticated, so a row cannot be moved to another.
  virtual Result<std::string> seal(std::string_view record_id, const Secret& plain) = 0;
  virtual Result<Secret> open(std::string_view record_id,
                              std::string_view sealed) = 0;  // wrong key or edited row: Unavailable vault.unreadable
  virtual Result<void> rotate_key() = 0;                     // new key for new seals; old ones stay readable
};

// Keys in `<dir>/vault.key` (0600, created on first use; refuses a file others can read). $CALLGATE_VAULT_KEY_FILE overrides the path.
Result<std::unique_ptr<Vault>> open_vault(const std::string& directory);

// Refuses names that are not tokens, hop-by-hop or framing headers, Host, Mcp-*, and values with CR, LF, NUL or edge whitespace (T-66).
Result<void> check_header(std::string_view name, std::string_view value);

}  // namespace callgate::vault
