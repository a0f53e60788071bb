#pragma once
// For tests: requests over which HTTP readers are known to disagree, with what ours must say. Used against the reader and over the wire.

#include <string>
#include <vector>

namespace callgate::net::testing {

// outcome: `ok BODY|REST`, or the reason of the refusal (`body` before it: found while reading the body), or `more`.
struct Case {
  const char* name;
  std::string bytes;
  const char* outcome;
};

inline std::string post(const std::string& headers, const std::string& body) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
}
inline std::string chunked(const std::string& body) { return post("Transfer-Encoding: chunked\r\n", body); }

inline std::vector<Case> head_cases() {
  const std::string nul(1, '\0');
  return {
      // Framing: two readers must not disagree where the body ends.
      {"plain get", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
      {"length", post("Content-Length: 3\r\n", "abc"), "ok abc"},
      {"length and what follows", post("Content-Length: 3\r\n", "abcGET"), "ok abc|GET"},
      {"length 0", post("Content-Length: 0\r\n", ""), "ok "},
      {"chunked", chunked("3\r\nabc\r\n0\r\n\r\n"), "ok abc"},
      {"chunked, other case", post("transfer-ENCODING:Chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), "ok abc"},
      {"length then coding", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "http.framing"},
      {"coding then length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), "http.framing"},
      {"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), "http.framing"},
      {"two equal lengths", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), "http.framing"},
      {"listed length", post("Content-Length: 3, 3\r\n", "abc"), "http.framing"},
      {"length +3", post("Content-Length: +3\r\n", "abc"), "http.framing"},
      {"length -3", post("Content-Length: -3\r\n", "abc"), "http.framing"},
      {"length 0x3", post("Content-Length: 0x3\r\n", "abc"), "http.framing"},
      {"length 03", post("Content-Length: 03\r\n", "abc"), "http.framing"},
      {"length 3.0", post("Content-Length: 3.0\r\n", "abc"), "http.framing"},
      {"length 3 3", post("Content-Length: 3 3\r\n", "abc"), "http.framing"},
      {"empty length", post("Content-Length:\r\n", "abc"), "http.framing"},
      {"length overflow", post("Content-Length: 18446744073709551619\r\n", "abc"), "http.framing"},
      {"two codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "http.framing"},
      {"two codings, other", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"), "http.framing"},
      {"xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "http.transfer_coding"},
      {"chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), "http.transfer_coding"},
      {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), "http.transfer_coding"},
      {"chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), "http.transfer_coding"},
      {"chunked with comma", post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"), "http.transfer_coding"},
      {"chunked with parameter", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), "http.transfer_coding"},
      {"quoted chunked", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), "http.transfer_coding"},
      {"empty coding", post("Transfer-Encoding:\r\n", "0\r\n\r\n"), "http.transfer_coding"},
      {"vertical tab before chunked",
       post("Transfer-Encoding: \x0b"
            "chunked\r\n",
            "0\r\n\r\n"),
       "http.syntax"},
      {"chunked in HTTP/1.0", "POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "http.framing"},
      // Names and lines.
      {"space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), "http.header"},
      {"tab before the colon", post("Content-Length\t: 3\r\n", "abc"), "http.header"},
      {"folded coding", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), "http.transfer_coding"},
      {"folded value", post("X: a\r\n b\r\n", ""), "http.header"},
      {"space in a name", post("Content Length: 3\r\n", "abc"), "http.header"},
      {"space before a name", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "http.header"},
      {"empty name", post(": 3\r\n", ""), "http.header"},
      {"no colon", post("Content-Length\r\n", ""), "http.header"},
      {"non-token name", post("Content-Length(): 3\r\n", ""), "http.header"},
      {"high byte in a name", post("Content-Length\xc2\xa0: 3\r\n", ""), "http.header"},
      {"bare LF after a header", "GET / HTTP/1.1\r\nHost: a\n\r\n", "http.syntax"},
      {"bare LF lines", "GET / HTTP/1.1\nHost: a\n\n", "http.syntax"},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", "http.syntax"},
      {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rContent-Length: 3\r\n\r\n", "http.syntax"},
      {"bare CR before CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "http.syntax"},
      {"NUL in a value", post("X: a" + nul + "b\r\n", ""), "http.syntax"},
      {"NUL in a name", post("X" + nul + ": b\r\n", ""), "http.header"},
      {"DEL in a value", post("X: a\x7f\r\n", ""), "http.syntax"},
      {"escape in a value", post("X: \x1b[2J\r\n", ""), "http.syntax"},
      // First line.
      {"leading CR LF", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"leading space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"tab for space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "http.syntax"},
      {"two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"no version", "GET /\r\nHost: a\r\n\r\n", "http.syntax"},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "http.version"},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http.version"},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "http.version"},
      {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "http.syntax"},
      {"HTTP/01.1", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", "http.version"},
      {"http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"TLS hello", "\x16\x03\x01\x02", "http.syntax"},
      // Target.
      {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"fragment for the space", "GET /a#HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"no target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"long method", "GETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"escaped NUL", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"escaped CR LF in the path", "GET /a%0d%0ab HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"escaped LF in the query", "GET /a?b=%0a HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
      {"escaped NUL in the query", "GET /a?b=%00 HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"broken escape", "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"broken escape of a letter", "GET /a%4 HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"escape without digits", "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"high byte in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"backslash", "GET \\\\evil HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"no slash", "GET admin HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"authority form", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "http.syntax"},
      {"star", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
      {"star with another method", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"absolute form, same host", "GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
      {"absolute form, other host", "GET http://evil/x HTTP/1.1\r\nHost: a\r\n\r\n", "http.host"},
      {"absolute form, userinfo", "GET http://a@evil/x HTTP/1.1\r\nHost: a\r\n\r\n", "http.host"},
      {"absolute form, no path", "GET http://a?x HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      {"absolute form, other scheme", "GET file://a/x HTTP/1.1\r\nHost: a\r\n\r\n", "http.syntax"},
      // Host.
      {"no host", "GET / HTTP/1.1\r\n\r\n", "http.host"},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "http.host"},
      {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "http.host"},
      {"host with userinfo", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "http.host"},
      {"host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "http.host"},
      {"listed host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "http.host"},
      {"other expectation", post("Expect: 200-ok\r\n", ""), "http.header"},
  };
}

inline std::vector<Case> chunk_cases() {
  return {
      {"space behind a size", chunked("3 \r\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"space before a size", chunked(" 3\r\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"size 0x3", chunked("0x3\r\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"size -1", chunked("-1\r\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"empty size", chunked("\r\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"size overflow", chunked("10000000000000003\r\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"LF behind a size", chunked("3\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"LF in an extension", chunked("3;a\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"CR in an extension", chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"extension", chunked("3;a=b\r\nabc\r\n0\r\n\r\n"), "ok abc"},
      {"quoted extension", chunked("3;a=\"b\";c\r\nabc\r\n0\r\n\r\n"), "ok abc"},
      {"empty extension", chunked("3;\r\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"space in an extension", chunked("3; a\r\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"long extension", chunked("3;" + std::string(300, 'a') + "\r\nabc\r\n0\r\n\r\n"), "body http.framing"},
      {"chunk longer than its size", chunked("3\r\nabcd\r\n0\r\n\r\n"), "body http.framing"},
      {"LF behind chunk data", chunked("3\r\nabc\n0\r\n\r\n"), "body http.framing"},
      {"no end behind chunk data", chunked("3\r\nabc0\r\n\r\n"), "body http.framing"},
      {"trailer", chunked("3\r\nabc\r\n0\r\nX: y\r\n\r\n"), "ok abc"},
      {"folded trailer", chunked("0\r\nX: y\r\n z\r\n\r\n"), "body http.framing"},
      {"trailer with space in the name", chunked("0\r\nX Y: y\r\n\r\n"), "body http.framing"},
      {"trailer with LF", chunked("0\r\nX: y\n\r\n"), "body http.framing"},
      {"endless trailers", chunked("0\r\nX: " + std::string(5000, 'y') + "\r\n\r\n"), "body http.framing"},
      {"next request behind the last chunk", chunked("0\r\n\r\nGET"), "ok |GET"},
      {"unfinished", chunked("3\r\nab"), "body more"},
  };
}

inline std::vector<Case> smuggling_cases() {
  std::vector<Case> all = head_cases();
  for (const Case& c : chunk_cases()) all.push_back(c);
  return all;
}

}  // namespace callgate::net::testing
