#pragma once
// The page behind the link of a notice or of a waiting call. It holds nothing of the call and decides nothing: it says how to (T-64).

#include "app/setup_page.h"

namespace callgate::app {

// Nothing: the path is not that of an approval.
bool approval_path(std::string_view path);
Page approval_page(std::string_view path);

}  // namespace callgate::app
