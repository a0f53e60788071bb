#pragma once
// The page behind the setup link of the first start. The code stands in the fragment, which browsers do not send; the page posts it
// once and shows the owner's API token as text. No dependency, no inline handler, and a policy that lets nothing else run (T-64).

#include <string>

namespace callgate::app {

struct Page {
  std::string body;
  std::string headers;  // complete lines: Content-Security-Policy and its like
};
const Page& setup_page();

}  // namespace callgate::app
