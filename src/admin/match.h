#pragma once
// From a request line to a route. Inner header of admin/.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "admin/route.h"

namespace callgate::admin {

struct Match {
  const Route* route = nullptr;
  std::map<std::string, std::string, std::less<>> parameters;
  std::string allowed;  // methods of this path, when only the method did not fit
};

// Decoded segments. Refuses bad escapes, encoded slashes and control characters.
Result<std::vector<std::string>> split_path(std::string_view path);
Result<std::map<std::string, std::string, std::less<>>> split_query(std::string_view query);
// A literal segment wins over a parameter.
Match find_route(const std::vector<Route>& routes, std::string_view method, const std::vector<std::string>& segments);

}  // namespace callgate::admin
