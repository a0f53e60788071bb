#pragma once
// Validates arguments against a tool's inputSchema (C-53; JSON Schema 2020-12, the part that constrains plain data). Compiled once,
// pure, no allocation when a value is valid. References stay inside the document; a remote $ref is refused, never fetched.
// Not looked at: format (an annotation), unevaluated*, $dynamicRef, contentEncoding.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/document.h"

namespace callgate::schema {

struct Violation {
  std::string pointer;  // into the arguments: /items/0/price; empty for the whole
  std::string message;  // "must be a number"
};

// An argument that clients repeat in a header.
struct Mirrored {
  std::string header;             // Mcp-Param-Region
  std::vector<std::string> path;  // property names from the root of the arguments
};

struct MirroredSet {
  std::vector<Mirrored> parameters;
  bool valid = true;  // false: annotated in a way no client can follow, so the tool is not offered (N12)
};
MirroredSet mirrored_in(json::Value schema);

class Schema {
 public:
  // Errors: InvalidArgument schema.* naming the place: bad keyword value, bad pattern, remote or dangling $ref, too large.
  static Result<std::shared_ptr<const Schema>> compile(json::Value document);
  std::optional<Violation> validate(json::Value value) const;  // the first violation found, nothing when valid
  const MirroredSet& mirrored() const;                         // mostly empty
  ~Schema();

 private:
  Schema();
  friend class Compiler;
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace callgate::schema
