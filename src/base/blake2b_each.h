#pragma once
// BLAKE2b-256 of many messages at once: one message per lane of a vector register, eight with AVX-512 and four with AVX2, chosen at run
// time; elsewhere one after the other by libsodium. Hashing one message cannot be made parallel; a batch of them can.

#include <span>
#include <string_view>

#include "base/crypto.h"

namespace callgate {

// `digests` is as long as `messages`.
void blake2b_each(std::span<const std::string_view> messages, std::span<Digest> digests);

// How many messages it hashes in the time of one.
unsigned blake2b_lanes();

// The same on a chosen number of lanes (8, 4 or 1), for tests. False: this processor cannot.
bool blake2b_each_on(unsigned lanes, std::span<const std::string_view> messages, std::span<Digest> digests);

}  // namespace callgate
