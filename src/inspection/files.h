#pragma once
// Files that are more than data, told from the path alone. Case matters; symlinks are not looked at. Pure.

#include <string_view>

namespace callgate::inspection {

bool sensitive_file(std::string_view path);  // keys, password files, histories
bool guarded_file(std::string_view path);    // start-up files, hooks, system configuration: who writes there runs something later

}  // namespace callgate::inspection
