#include "vault/key_ring.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "base/crypto.h"
#include "base/encoding.h"
#include "store/private_file.h"

namespace callgate::vault {
namespace {

tl::unexpected<Error> damaged() {
  return fail(Code::Unavailable, "vault.key_file", "the vault's key file is damaged: restore it from a backup");
}

// `v<number> <key>`
Result<void> parse_line(std::string_view line, KeyRing& ring) {
  auto space = line.find(' ');
  if (!line.starts_with('v') || space == std::string_view::npos) return damaged();
  std::uint32_t version = 0;
  auto [end, error] = std::from_chars(line.data() + 1, line.data() + space, version);
  if (error != std::errc() || end != line.data() + space || version == 0) return damaged();
  if (!ring.empty() && ring.rbegin()->first >= version) return damaged();
  auto key = base64_decode(line.substr(space + 1));
  if (!key || key->size() != kKeyBytes) return damaged();
  ring.emplace(version, Secret(std::move(*key)));
  return {};
}

// Held while the key file is read, extended and replaced; the kernel lets go of it when the process ends.
class FileLock {
 public:
  explicit FileLock(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    held_ = fd_ >= 0 && ::flock(fd_, LOCK_EX) == 0;
  }
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  bool held() const { return held_; }

 private:
  int fd_;
  bool held_ = false;
};

}  // namespace

Result<KeyRing> parse_key_ring(const Secret& file) {
  KeyRing ring;
  std::string_view rest = file.reveal();
  while (!rest.empty()) {
    auto end = rest.find('\n');
    if (end == std::string_view::npos) return damaged();  // cut off
    CG_CHECK(parse_line(rest.substr(0, end), ring));
    rest.remove_prefix(end + 1);
  }
  if (ring.empty()) return damaged();
  return ring;
}

Secret write_key_ring(const KeyRing& ring) {
  std::string text;
  text.reserve(ring.size() * 64);  // no copies left behind by growing
  for (const auto& [version, key] : ring) {
    Secret encoded(base64_encode(key.reveal()));
    fmt::format_to(std::back_inserter(text), "v{} {}\n", version, encoded.reveal());
  }
  return Secret(std::move(text));
}

Secret fresh_key() {
  std::string key(kKeyBytes, '\0');
  std::array<std::uint8_t, kKeyBytes> bytes{};
  random_bytes(bytes.data(), bytes.size());
  for (std::size_t i = 0; i < kKeyBytes; ++i) key[i] = static_cast<char>(bytes[i]);
  bytes.fill(0);
  return Secret(std::move(key));
}

Result<KeyRing> load_key_ring(const std::string& path) {
  CG_TRY(auto file, store::read_or_create_private_file(path, write_key_ring({{1, fresh_key()}})));
  return parse_key_ring(file);
}

Result<KeyRing> rotate_key_ring(const std::string& path) {
  FileLock lock(path + ".lock");
  if (!lock.held())
    return fail(Code::Unavailable, "vault.key_file", "the vault's key file cannot be locked: look at its folder's owner and mode");
  CG_TRY(auto ring, load_key_ring(path));
  auto newest = ring.rbegin()->first;
  if (newest == UINT32_MAX) return damaged();
  ring.emplace(newest + 1, fresh_key());
  CG_CHECK(store::replace_private_file(path, write_key_ring(ring)));
  return ring;
}

}  // namespace callgate::vault
