#pragma once
// A self-signed certificate for 127.0.0.1 and localhost, made for one test and written to a folder that goes with it.

#include <string>

namespace callgate::upstream {

class TestCertificate {
 public:
  explicit TestCertificate(long valid_seconds = 3600, const char* names = "IP:127.0.0.1,DNS:localhost");
  ~TestCertificate();
  std::string certificate_file, key_file, pem;

 private:
  std::string folder_;
};

}  // namespace callgate::upstream
