#pragma once
// Finds what looks like a credential: by the name of a key, and by the shape of a text. One pass, linear, no pattern engine.

#include <string>
#include <string_view>

namespace callgate::audit {

// password, api_key, Authorization, clientSecret ... : the value under such a key is masked whatever it looks like.
bool sensitive_key(std::string_view key);

// False: too short for any shape below, which saves looking.
bool may_hold_secret(std::string_view text);

// Appends `text` with every known secret shape (sk-..., ghp_..., AKIA..., JSON web tokens, PEM private keys, our own tokens,
// Bearer and Basic values, passwords in URLs) replaced by "<secret>". Returns whether there was one.
bool append_masked(std::string& out, std::string_view text);

}  // namespace callgate::audit
