#pragma once
// Calls of one batch that are alike in who called what, by which policy and with what outcome hold that part once
// (docs/reference/audit.md, Files). The payload of the others begins with a reference, `{"like":[BACK,BYTES],`: the BYTES bytes behind the
// time in the payload whose frame starts BACK bytes before this one belong behind the time here. Nothing here trusts what it reads.

#include <cstdint>
#include <string>
#include <string_view>

namespace callgate::audit {

struct Reference {
  std::uint64_t back = 0;  // from frame to frame; at most a batch
  std::uint32_t bytes = 0;
};

constexpr std::size_t kReferenceRoom = 64;    // the most put_reference writes
constexpr std::size_t kTimeMemberBytes = 36;  // "time":"2026-07-28T09:00:00.123456Z", the first of every record

// What begins a payload; returns where the rest of it goes.
char* put_reference(char* at, const Reference& reference);

// Whether a payload begins with one: no record itself does. Then how long the member is; 0 when it is not readable.
bool has_reference(std::string_view payload);
std::size_t read_reference(std::string_view payload, Reference& reference);

// The record, from a payload, what read_reference said of it, and the payload it refers to. False when the places it names are not there.
bool restore(std::string_view payload, std::size_t member_bytes, std::uint32_t bytes, std::string_view other, std::string& record);

}  // namespace callgate::audit
