#pragma once
// Reads the top level of a record's JSON: enough for the index and exports, without building a document. Any bytes are safe;
// what is not a record of ours gives no fields.

#include <functional>
#include <string>
#include <string_view>

namespace callgate::audit {

// Calls fn(key, value) for each member; `value` is JSON text as written. False when the text is no object.
bool for_each_field(std::string_view record, const std::function<void(std::string_view key, std::string_view value)>& fn);

// The text of a JSON string; other values come back as written. With `keep_escapes`, characters that batch.cc escaped because a
// terminal must not see them stay escaped.
std::string field_text(std::string_view value, bool keep_escapes = false);

}  // namespace callgate::audit
