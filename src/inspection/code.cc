#include "inspection/detectors.h"
#include "inspection/packs.h"
namespace callgate::inspection {
std::span<const Rule> code_rules() { return {}; }
void add_code(Scanner::Tables&) {}
}  // namespace callgate::inspection
