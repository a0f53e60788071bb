#pragma once
// Between rows and nouns, and the checks every write shares. Only this room's .cc files include it.

#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"

namespace callgate::catalog {

std::span<const store::Migration> migrations();

inline std::int64_t to_row(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime time_from_row(std::int64_t micros) { return WallTime(std::chrono::microseconds(micros)); }

struct SealedHeader {
  std::string server_id, name, sealed;
};

Result<std::vector<Server>> read_servers(store::Transaction& tx);                 // by slug; header names filled in
Result<Server> find_server(store::Transaction& tx, std::string_view id_or_slug);  // NotFound catalog.no_such_server
Result<void> insert_server(store::Transaction& tx, const Server& server);
Result<bool> replace_server(store::Transaction& tx, const Server& server, std::int64_t version);  // false: another version is stored
// Credentials are in two tables of one form.
enum class Sealed : std::uint8_t { Header, Secret };
Result<std::vector<SealedHeader>> read_sealed(store::Transaction& tx, Sealed kind,
                                              std::string_view server_id);  // empty id: of all, by server
Result<void> write_sealed(store::Transaction& tx, Sealed kind, std::string_view server_id, const std::vector<SealedHeader>& values);
// The record id a value is sealed under.
std::string sealed_record(Sealed kind, std::string_view server_id, std::string_view name);

// A command as JSON, and back; nothing when it cannot be read.
std::string command_to_row(const Command& command);
std::optional<Command> command_from_row(const std::string& text);
Result<void> check_command(const Command& command);
Result<void> check_variable(std::string_view name, std::string_view value);  // of an environment
std::string lower_case(std::string_view text);

// One line of printable text of 1 (or 0) to `bytes_max` bytes; InvalidArgument catalog.invalid_text.
Result<void> check_line(std::string_view field, std::string_view text, std::size_t bytes_max);

// As stored; Strict when what is stored is damaged.
Result<Pin> read_pin(store::Transaction& tx, const std::string& server_id);
// Of a definition as seen, by hex fingerprints; empty: none.
Standing standing_of(const std::string& seen, const std::string& approved, const std::string& rejected);
Result<void> write_pin(store::Transaction& tx, const std::string& server_id, const Part& part, std::string_view by, std::string_view reason,
                       std::int64_t at);
Digest digest_from_row(const std::string& hex);  // damaged: zero, and so equal to nothing

Result<void> check_slug(std::string_view slug);  // InvalidArgument catalog.invalid_slug
std::string slug_from(std::string_view name);    // never empty or reserved

}  // namespace callgate::catalog
