// The vault over a key file. Sealing is AES-256-GCM with a random nonce; the record id and the key version are authenticated.
#include <fmt/core.h>
#include <openssl/evp.h>

#include <charconv>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>

#include "base/crypto.h"
#include "base/encoding.h"
#include "vault/key_ring.h"
#include "vault/vault.h"

namespace callgate::vault {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kPlainMax = 1024 * 1024;

struct FreeCipher {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
};
struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER, FreeCipher>;
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// Bound into every seal: neither the row nor the key version can be exchanged.
std::string associated_data(std::string_view record_id, std::uint32_t version) {
  return fmt::format("callgate vault 1\n{}\n{}", version, record_id);
}

tl::unexpected<Error> unreadable() {
  return fail(Code::Unavailable, "vault.unreadable",
              "a stored credential cannot be opened with the vault's keys: restore the key file, or enter the credential again");
}

tl::unexpected<Error> broken() { return fail(Code::Internal, "vault.crypto", "the credential could not be sealed: report this"); }

struct Sealed {
  std::uint32_t version = 0;
  std::string bytes;  // nonce, ciphertext, tag
};

std::optional<Sealed> take_apart(std::string_view text) {
  auto colon = text.find(':');
  if (!text.starts_with('v') || colon == std::string_view::npos) return std::nullopt;
  Sealed sealed;
  auto [end, error] = std::from_chars(text.data() + 1, text.data() + colon, sealed.version);
  if (error != std::errc() || end != text.data() + colon) return std::nullopt;
  auto bytes = base64_decode(text.substr(colon + 1));
  if (!bytes || bytes->size() < kNonceBytes + kTagBytes) return std::nullopt;
  sealed.bytes.swap(*bytes);
  return sealed;
}

class FileVault final : public Vault {
 public:
  FileVault(std::string path, KeyRing keys, Cipher cipher) : path_(std::move(path)), cipher_(std::move(cipher)), keys_(std::move(keys)) {}

  Result<std::string> seal(std::string_view record_id, const Secret& plain) override {
    if (plain.reveal().size() > kPlainMax) return fail(Code::TooLarge, "vault.too_large", "a credential may have at most 1 MiB");
    auto [version, key] = newest();
    std::string bytes(kNonceBytes + plain.reveal().size() + kTagBytes, '\0');
    random_bytes(bytes_of(bytes), kNonceBytes);
    if (!encrypt(key, associated_data(record_id, version), plain.reveal(), bytes)) return broken();
    return fmt::format("v{}:{}", version, base64_encode(bytes));
  }

  Result<Secret> open(std::string_view record_id, std::string_view text) override {
    auto sealed = take_apart(text);
    if (!sealed) return unreadable();
    CG_TRY(Secret key, key_of(sealed->version));
    return decrypt(key, associated_data(record_id, sealed->version), sealed->bytes);
  }

  Result<void> rotate_key() override {
    std::unique_lock lock(mutex_);
    CG_TRY(keys_, rotate_key_ring(path_));
    return {};
  }

 private:
  std::pair<std::uint32_t, Secret> newest() const {
    std::shared_lock lock(mutex_);
    return *keys_.rbegin();
  }

  // A version not known yet may have been made by another process meanwhile: look once.
  Result<Secret> key_of(std::uint32_t version) {
    {
      std::shared_lock lock(mutex_);
      auto found = keys_.find(version);
      if (found != keys_.end()) return found->second;
    }
    std::unique_lock lock(mutex_);
    auto ring = load_key_ring(path_);
    if (ring) keys_.merge(*ring);  // keeps every key known so far
    auto found = keys_.find(version);
    if (found == keys_.end()) return unreadable();
    return found->second;
  }

  bool encrypt(const Secret& key, std::string_view associated, std::string_view plain, std::string& out) const {
    Context context(EVP_CIPHER_CTX_new());
    int length = 0;
    unsigned char* cipher_text = bytes_of(out) + kNonceBytes;
    return context && EVP_EncryptInit_ex2(context.get(), cipher_.get(), bytes_of(key.reveal()), bytes_of(out), nullptr) == 1 &&
           EVP_EncryptUpdate(context.get(), nullptr, &length, bytes_of(associated), static_cast<int>(associated.size())) == 1 &&
           EVP_EncryptUpdate(context.get(), cipher_text, &length, bytes_of(plain), static_cast<int>(plain.size())) == 1 &&
           EVP_EncryptFinal_ex(context.get(), cipher_text + plain.size(), &length) == 1 &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, cipher_text + plain.size()) == 1;
  }

  Result<Secret> decrypt(const Secret& key, std::string_view associated, std::string& bytes) const {
    Context context(EVP_CIPHER_CTX_new());
    auto size = bytes.size() - kNonceBytes - kTagBytes;
    std::string plain(size, '\0');
    int length = 0;
    unsigned char* cipher_text = bytes_of(bytes) + kNonceBytes;
    bool fine = context && EVP_DecryptInit_ex2(context.get(), cipher_.get(), bytes_of(key.reveal()), bytes_of(bytes), nullptr) == 1 &&
                EVP_DecryptUpdate(context.get(), nullptr, &length, bytes_of(associated), static_cast<int>(associated.size())) == 1 &&
                EVP_DecryptUpdate(context.get(), bytes_of(plain), &length, cipher_text, static_cast<int>(size)) == 1 &&
                EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, cipher_text + size) == 1 &&
                EVP_DecryptFinal_ex(context.get(), bytes_of(plain) + size, &length) == 1;
    Secret opened(std::move(plain));  // wiped, too, when it turns out forged
    if (!fine) return unreadable();
    return opened;
  }

  const std::string path_;
  const Cipher cipher_;  // fetched once: OpenSSL 3 looks algorithms up slowly
  mutable std::shared_mutex mutex_;
  KeyRing keys_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<Vault>> open_vault(const std::string& directory) {
  init_crypto();
  const char* elsewhere = ::secure_getenv("CALLGATE_VAULT_KEY_FILE");
  std::string path = elsewhere != nullptr && *elsewhere != '\0' ? std::string(elsewhere) : directory + "/vault.key";
  CG_TRY(auto keys, load_key_ring(path));
  Cipher cipher(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
  if (!cipher) return fail(Code::Unavailable, "vault.crypto", "this OpenSSL has no AES-256-GCM: look at its configuration");
  return std::unique_ptr<Vault>(std::make_unique<FileVault>(std::move(path), std::move(keys), std::move(cipher)));
}

}  // namespace callgate::vault
