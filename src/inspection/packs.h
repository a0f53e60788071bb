#pragma once
// The rules that are written out, pack by pack, for the catalogue. Internal to this room.

#include <span>

#include "inspection/inspection.h"

namespace callgate::inspection {

std::span<const Rule> seed_secret_rules();
std::span<const Rule> personal_rules();
std::span<const Rule> hidden_rules();   // poisoning: characters
std::span<const Rule> phrase_rules();   // poisoning: words
std::span<const Rule> request_rules();  // poisoning: requests in data
std::span<const Rule> code_rules();

}  // namespace callgate::inspection
