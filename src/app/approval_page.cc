#include "app/approval_page.h"

#include <string>

namespace callgate::app {
namespace {

constexpr std::string_view kPrefix = "/approvals/";

}  // namespace

bool approval_path(std::string_view path) {
  if (!path.starts_with(kPrefix)) return false;
  std::string_view id = path.substr(kPrefix.size());
  return id.starts_with("apr_") && id.size() <= 40 &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

Page approval_page(std::string_view path) {
  std::string id(path.substr(kPrefix.size()));
  Page page;
  page.body =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
      "<title>Callgate: approval</title></head><body><main><h1>A call waits for a person</h1>"
      "<p>Look at the literal call, then decide:</p><pre>callgate approval show " +
      id + "\ncallgate approval approve " + id + "\ncallgate approval deny " + id +
      "</pre><p>Nothing is decided by opening this page.</p></main></body></html>\n";
  page.headers =
      "Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\nReferrer-Policy: "
      "no-referrer\r\n";
  return page;
}

}  // namespace callgate::app
