#pragma once
// From sealed rows to header lines and variables. Only this room's .cc files include it.

#include <span>

#include "catalog/rows.h"

namespace callgate::catalog {

// All headers and secrets of one server, or an error: never some of them.
Result<vault::Credentials> open_credentials(vault::Vault& vault, std::span<const SealedHeader> headers,
                                            std::span<const SealedHeader> secrets);

}  // namespace callgate::catalog
