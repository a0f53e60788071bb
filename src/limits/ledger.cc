#include "limits/ledger.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include "base/crc32c.h"
#include "base/write_at.h"

namespace callgate::limits {

namespace {

constexpr std::string_view kMagic = "CGLIMIT\n";
constexpr std::size_t kHeaderBytes = 24;  // magic 8, version 4, crc 4, epoch 8
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kFrameHeaderBytes = 12;  // magic 4, length 4, crc 4
constexpr std::uint32_t kFrameMagic = 0x4c47430aU;
constexpr std::size_t kEntryBytes = 1 + 8 + 20 + 20 + 2;  // then the key
constexpr std::uint32_t kFrameBytesMax = 1U << 30;

template <class T> void put(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(static_cast<unsigned __int128>(value) >> (8 * i));
}
template <class T> T get(std::string_view in, std::size_t at) {
  unsigned __int128 value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<unsigned __int128>(static_cast<unsigned char>(in[at + i])) << (8 * i);
  return static_cast<T>(value);
}

void put_decimal(std::string& out, const Decimal& value) {
  put<__int128>(out, value.coefficient());
  put<std::int32_t>(out, value.exponent());
}

// Only what Decimal itself could have written.
bool get_decimal(std::string_view in, std::size_t at, Decimal& value) {
  auto coefficient = get<__int128>(in, at);
  auto exponent = get<std::int32_t>(in, at + 16);
  constexpr __int128 half = static_cast<__int128>(10'000'000'000'000'000'000ULL) * 10'000'000'000'000'000'000ULL;  // 10^38
  if (coefficient < 0 || coefficient >= half || exponent < -400 || exponent > 400) return false;
  value = Decimal::from_parts(coefficient, exponent);
  return true;
}

std::string encode_header(std::uint64_t epoch) {
  std::string bytes(kMagic);
  put<std::uint32_t>(bytes, kVersion);
  std::string rest;
  put<std::uint64_t>(rest, epoch);
  put<std::uint32_t>(bytes, crc32c(0, bytes + rest));
  return bytes + rest;
}

bool parse_entries(std::string_view entries, const std::function<void(const LedgerEntry&)>& each) {
  LedgerEntry entry;
  while (!entries.empty()) {
    if (entries.size() < kEntryBytes) return false;
    entry.tag = static_cast<std::uint8_t>(entries[0]);
    entry.start_us = get<std::int64_t>(entries, 1);
    if (!get_decimal(entries, 9, entry.used) || !get_decimal(entries, 29, entry.max)) return false;
    auto key_bytes = get<std::uint16_t>(entries, 49);
    if (entry.tag >= 18 || key_bytes > kKeyBytesMax || entries.size() < kEntryBytes + key_bytes) return false;
    entry.key = entries.substr(kEntryBytes, key_bytes);
    if (each) each(entry);
    entries.remove_prefix(kEntryBytes + key_bytes);
  }
  return true;
}

// The entries of the frame at the front, or nothing.
std::optional<std::string_view> frame_at(std::string_view bytes) {
  if (bytes.size() < kFrameHeaderBytes || get<std::uint32_t>(bytes, 0) != kFrameMagic) return std::nullopt;
  auto length = get<std::uint32_t>(bytes, 4);
  if (length == 0 || length > bytes.size() - kFrameHeaderBytes) return std::nullopt;
  std::string_view entries = bytes.substr(kFrameHeaderBytes, length);
  if (crc32c(0, entries) != get<std::uint32_t>(bytes, 8) || !parse_entries(entries, nullptr)) return std::nullopt;
  return entries;
}

std::string reason_of(int error) { return std::generic_category().message(error); }

tl::unexpected<Error> unwritable(const std::string& path, int error) {
  return fail(
      Code::Unavailable, "limits.unwritable",
      fmt::format("limits ledger `{}` cannot be written: {}; free space or repair the disk, then try again", path, reason_of(error)));
}

Result<std::string> read_whole(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return fail(Code::Unavailable, "limits.unreadable", fmt::format("limits ledger `{}` cannot be read: {}", path, reason_of(errno)));
  std::string bytes;
  std::array<char, 65536> piece{};
  ssize_t got = 0;
  while ((got = ::read(fd, piece.data(), piece.size())) > 0 || (got < 0 && errno == EINTR))
    if (got > 0) bytes.append(piece.data(), static_cast<std::size_t>(got));
  int error = errno;
  ::close(fd);
  if (got < 0)
    return fail(Code::Unavailable, "limits.unreadable", fmt::format("limits ledger `{}` cannot be read: {}", path, reason_of(error)));
  return bytes;
}

}  // namespace

void append_entry(std::string& out, const LedgerEntry& entry) {
  put<std::uint8_t>(out, entry.tag);
  put<std::int64_t>(out, entry.start_us);
  put_decimal(out, entry.used);
  put_decimal(out, entry.max);
  put<std::uint16_t>(out, static_cast<std::uint16_t>(entry.key.size()));
  out.append(entry.key);
}

Ledger::~Ledger() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> Ledger::create(const std::string& directory, std::uint64_t epoch) {
  std::string path = ledger_path(directory, epoch);
  int fd = injected() ? (errno = ENOSPC, -1) : ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return unwritable(path, errno);
  std::string header = encode_header(epoch);
  if (injected() || ::pwrite(fd, header.data(), header.size(), 0) != static_cast<ssize_t>(header.size())) {
    int error = errno != 0 ? errno : ENOSPC;
    ::close(fd);
    ::unlink(path.c_str());
    return unwritable(path, error);
  }
  if (fd_ >= 0) ::close(fd_);
  directory_ = directory;
  fd_ = fd;
  epoch_ = epoch;
  offset_ = kHeaderBytes;
  return {};
}

Result<void> Ledger::resume(const std::string& directory, std::uint64_t epoch, std::uint64_t offset) {
  std::string path = ledger_path(directory, epoch);
  fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd_ < 0 || ::ftruncate(fd_, static_cast<off_t>(offset)) != 0) return unwritable(path, errno);
  directory_ = directory;
  epoch_ = epoch;
  offset_ = offset;
  return {};
}

Result<void> Ledger::append(std::string_view entries) {
  auto cut_tail = [this] { tail_unclean_ = ::ftruncate(fd_, static_cast<off_t>(offset_)) != 0; };
  if (tail_unclean_) cut_tail();
  if (tail_unclean_) return unwritable(ledger_path(directory_, epoch_), EIO);
  if (entries.size() > kFrameBytesMax) return unwritable(ledger_path(directory_, epoch_), EFBIG);
  frame_.clear();
  put<std::uint32_t>(frame_, kFrameMagic);
  put<std::uint32_t>(frame_, static_cast<std::uint32_t>(entries.size()));
  put<std::uint32_t>(frame_, crc32c(0, entries));
  frame_.append(entries);
  const bool inject = injected();
  const std::string_view frame = frame_;
  int error = write_at(fd_, inject ? frame.substr(0, frame.size() / 2) : frame, offset_);
  if (inject && error == 0) error = ENOSPC;
  if (error != 0) {
    cut_tail();
    return unwritable(ledger_path(directory_, epoch_), error);
  }
  offset_ += frame_.size();
  return {};
}

Result<void> Ledger::advance() {
  if (tail_unclean_) return unwritable(ledger_path(directory_, epoch_), EIO);
  return create(directory_, epoch_ + 1);
}

std::string ledger_path(const std::string& directory, std::uint64_t epoch) {
  return fmt::format("{}/limits-{:08}.ledger", directory, epoch);
}

Result<std::vector<std::uint64_t>> list_ledgers(const std::string& directory) {
  DIR* entries = ::opendir(directory.c_str());
  if (entries == nullptr) {
    return fail(Code::Unavailable, "limits.unreadable", fmt::format("data directory `{}` cannot be read: {}", directory, reason_of(errno)));
  }
  std::vector<std::uint64_t> epochs;
  for (dirent* entry = ::readdir(entries); entry != nullptr; entry = ::readdir(entries)) {
    std::string_view name = entry->d_name;
    if (name.size() != 22 || name.substr(0, 7) != "limits-" || name.substr(15) != ".ledger") continue;
    std::uint64_t epoch = 0;
    if (std::from_chars(name.data() + 7, name.data() + 15, epoch).ptr == name.data() + 15) epochs.push_back(epoch);
  }
  ::closedir(entries);
  std::sort(epochs.begin(), epochs.end());
  return epochs;
}

std::uint64_t parse_ledger(std::string_view bytes, std::uint64_t epoch, bool& follows,
                           const std::function<void(const LedgerEntry&)>& each) {
  follows = false;
  std::size_t at = 0;
  if (bytes.substr(0, kHeaderBytes) == encode_header(epoch)) {
    for (at = kHeaderBytes; at < bytes.size();) {
      auto entries = frame_at(bytes.substr(at));
      if (!entries) break;
      parse_entries(*entries, each);
      at += kFrameHeaderBytes + entries->size();
    }
  }
  // A checksum costs as much as the frame is long; a few candidates are enough to know that more than a torn tail is wrong.
  int candidates = 0;
  for (std::size_t next = at + 1; next + kFrameHeaderBytes < bytes.size() && candidates < 64 && !follows; ++next) {
    if (get<std::uint32_t>(bytes, next) != kFrameMagic) continue;
    ++candidates;
    follows = frame_at(bytes.substr(next)).has_value();
  }
  return at;
}

Result<std::uint64_t> replay_ledger(const std::string& directory, std::uint64_t epoch, bool torn_ok,
                                    const std::function<void(const LedgerEntry&)>& each) {
  std::string path = ledger_path(directory, epoch);
  CG_TRY(auto bytes, read_whole(path));
  bool follows = false;
  std::uint64_t end = parse_ledger(bytes, epoch, follows, each);
  if (end == bytes.size() && end > 0) return end;
  const bool torn = end == 0 ? bytes.size() < kHeaderBytes : !follows;
  if (torn && torn_ok) return end;
  return fail(
      Code::Unavailable, "limits.damaged",
      fmt::format("limits ledger `{}` is damaged at offset {}; restore it from a backup, or delete it to start counting anew", path, end));
}

}  // namespace callgate::limits
