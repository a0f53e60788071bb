#pragma once
// Reading one settings file. Inner header of config/.

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace callgate::config {

struct FileValue {
  std::string text;
  std::vector<std::string> list;
  bool is_list = false;
  int line = 0;
};

// Flat: `audit: {commit: x}` becomes audit.commit. Refuses anything that is not scalars, lists of scalars and one level of groups.
Result<std::map<std::string, FileValue>> read_settings_file(const std::string& path);

// .callgate.yaml in the working directory or above it, up to the root of the repository; never above `home`. A file that another
// user owns, or that everyone may write, is passed over. Empty when there is none.
std::string find_project_file(const std::string& home);

}  // namespace callgate::config
