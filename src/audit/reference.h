#pragma once
// Records of one batch that name the same caller, server and policy hold that part once (docs/reference/audit.md, Files). The others
// begin with a reference: `{"like":[BACK,FROM,BYTES,INTO],`. To have the record as it was written, take BYTES bytes from byte FROM of
// the payload whose frame starts BACK bytes before this one, and put them at byte INTO of what is left here without the member. The
// chain is over the record as it was written, so a reference that was tampered with breaks it. Nothing here trusts what it reads.

#include <cstdint>
#include <string>
#include <string_view>

namespace callgate::audit {

struct Reference {
  std::uint64_t back = 0;  // from frame to frame; at most a batch
  std::uint32_t from = 0, bytes = 0, into = 0;
};

constexpr std::size_t kReferenceRoom = 96;      // the most put_reference writes
constexpr std::uint32_t kSharedBytesMin = 100;  // less is not worth one

// What begins a payload; returns where the rest of it goes.
char* put_reference(char* at, const Reference& reference);

// Whether a payload begins with one: no record itself does. Then how long the member is; 0 when it is not readable.
bool has_reference(std::string_view payload);
std::size_t read_reference(std::string_view payload, Reference& reference);

// The record, from a payload and the one it refers to. False when the places it names are not there.
bool restore(std::string_view payload, const Reference& reference, std::size_t member_bytes, std::string_view other, std::string& record);

}  // namespace callgate::audit
