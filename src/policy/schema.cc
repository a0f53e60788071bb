#include "policy/policy.h"

namespace callgate::policy {
namespace {

// Kept by hand because its descriptions are written for people; schema_test.cc holds every name in it to the compiler's tables.
constexpr std::string_view kSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "https://callgate.dev/schema/policy-1.json",
  "title": "Callgate policy",
  "description": "Rules for the calls of one server or all. Layers in order: hide, require, deny_if, flows, inspect, ask, limits, default.",
  "type": "object",
  "required": ["version"],
  "additionalProperties": false,
  "properties": {
    "version": {"description": "The format of this document.", "enum": ["1", 1]},
    "default": {"description": "What happens to tools and methods that the document does not name.", "enum": ["allow", "deny"],
      "default": "deny"},
    "mode": {"$ref": "#/$defs/mode"},
    "require_reason": {"description": "Calls must state a reason.", "type": "boolean", "default": false},
    "hide": {"description": "Tools that are neither listed nor callable: names or globs.", "type": "array", "uniqueItems": true,
      "items": {"$ref": "#/$defs/tool_name"}},
    "methods": {"description": "Methods other than tools/call, by name or glob: allow, deny, or rules over their parameters.",
      "type": "object", "additionalProperties": {"anyOf": [{"enum": ["allow", "deny"]}, {"$ref": "#/$defs/tool"}]}},
    "inspect": {"$ref": "#/$defs/inspect"},
    "all_tools": {"$ref": "#/$defs/all_tools"},
    "tools": {"description": "Rules by tool name or glob. Every entry that matches applies; denials win.", "type": "object",
              "propertyNames": {"$ref": "#/$defs/tool_name"}, "additionalProperties": {"$ref": "#/$defs/tool"}},
    "flows": {"description": "Rules over the calls of a session.", "type": "array", "items": {"$ref": "#/$defs/flow"}},
    "flow_session": {"description": "Which calls belong together. All but grant can be shed by the client.", "enum": ["grant", "session",
      "client", "trace"], "default": "grant"},
    "spotlight": {"description": "Texts in answers to calls with one of these labels are marked as data.",
      "$ref": "#/$defs/label_names"},
    "tests": {"description": "Calls and what becomes of them.", "type": "array", "items": {"$ref": "#/$defs/test"}}
  },
  "$defs": {
    "mode": {"description": "shadow: evaluated and recorded as 'would deny', never blocks.", "enum": ["enforce", "shadow"],
      "default": "enforce"},
    "text": {"type": "string", "maxLength": 2048},
    "tool_name": {"description": "Printable ASCII; * and ? make it a glob.", "type": "string", "minLength": 1, "maxLength": 256,
      "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "scalar": {"type": ["string", "number", "boolean", "null"]},
    "all_tools": {
      "description": "Rules for every tool, before those of the tool itself.", "type": "object", "additionalProperties": false,
      "properties": {
        "description": {"$ref": "#/$defs/text"},
        "require": {"type": "array", "items": {"$ref": "#/$defs/require"}},
        "deny_if": {"type": "array", "items": {"$ref": "#/$defs/deny_if"}},
        "ask": {"type": "array", "items": {"$ref": "#/$defs/ask"}},
        "limits": {"type": "array", "items": {"$ref": "#/$defs/limit"}},
        "labels": {"$ref": "#/$defs/labels"},
        "inspect": {"$ref": "#/$defs/inspect"}
      }
    },
    "tool": {
      "type": "object", "additionalProperties": false,
      "properties": {
        "description": {"$ref": "#/$defs/text"},
        "allow": {"description": "false denies the tool whatever its rules say.", "type": "boolean"},
        "require": {"type": "array", "items": {"$ref": "#/$defs/require"}},
        "deny_if": {"type": "array", "items": {"$ref": "#/$defs/deny_if"}},
        "ask": {"type": "array", "items": {"$ref": "#/$defs/ask"}},
        "limits": {"type": "array", "items": {"$ref": "#/$defs/limit"}},
        "labels": {"$ref": "#/$defs/labels"},
        "inspect": {"$ref": "#/$defs/inspect"}
      }
    },
    "label_name": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z0-9_.-]{1,64}$"},
    "label_names": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/label_name"}},
    "tool_names": {"description": "Names or globs of tools, or server/tool.", "type": "array", "minItems": 1,
      "items": {"$ref": "#/$defs/tool_name"}},
    "labels": {"description": "What a call is to the rules of flows: private, untrusted, sink ...", "type": "array",
      "items": {"anyOf": [{"$ref": "#/$defs/label_name"}, {"$ref": "#/$defs/label"}]}},
    "label": {
      "description": "With conditions: only when they hold, or cannot be judged.", "type": "object", "required": ["label"],
        "additionalProperties": false,
      "properties": {
        "description": {"$ref": "#/$defs/text"},
        "label": {"$ref": "#/$defs/label_name"},
        "conditions": {"$ref": "#/$defs/conditions"}
      }
    },
    "flow": {
      "description": "After what the session has seen, what it may not do; or what must stay the same; or how many calls it has.",
      "type": "object", "required": ["name"], "additionalProperties": false,
      "oneOf": [{"required": ["after"]}, {"required": ["same"]}, {"required": ["calls_max"]}],
      "properties": {
        "description": {"$ref": "#/$defs/text"},
        "name": {"$ref": "#/$defs/label_name"},
        "after": {"$ref": "#/$defs/flow_after"},
        "then": {"$ref": "#/$defs/flow_then"},
        "same": {"description": "Arguments whose first values in a session bind it, such as args.repo.", "type": "array", "minItems": 1,
          "items": {"type": "string"}},
        "calls_max": {"description": "How many calls a session may make.", "type": "integer", "minimum": 0},
        "labels": {"description": "With same and calls_max: of calls with one of these.", "$ref": "#/$defs/label_names"},
        "tools": {"description": "With same and calls_max: of these tools.", "$ref": "#/$defs/tool_names"},
        "action": {"enum": ["deny", "ask"], "default": "deny"},
        "approvers": {"$ref": "#/$defs/approvers"},
        "expires": {"description": "Time to decide in, and then to use the decision in: 30s to 7d.", "type": "string", "default": "15m"},
        "on_deny": {"description": "What the caller is told, word for word.", "$ref": "#/$defs/text"},
        "on_ask": {"description": "What caller and approver are told, word for word.", "$ref": "#/$defs/text"},
        "mode": {"$ref": "#/$defs/mode"}
      }
    },
    "flow_after": {"description": "All of the labels, and one of the tools.", "type": "object", "additionalProperties": false,
      "properties": {
        "labels": {"$ref": "#/$defs/label_names"},
        "tools": {"$ref": "#/$defs/tool_names"},
        "within": {"description": "Only what was seen this long ago at most: 1s to 30d.", "type": "string"}
      }
    },
    "flow_then": {"description": "Calls with one of the labels, or of one of the tools; neither: all calls.", "type": "object",
      "additionalProperties": false,
      "properties": {
        "labels": {"$ref": "#/$defs/label_names"},
        "tools": {"$ref": "#/$defs/tool_names"},
        "conditions": {"$ref": "#/$defs/conditions"}
      }
    },
    "inspect": {
      "description": "What arguments and results are looked through for, and what a finding costs.", "type": "object",
        "additionalProperties": false,
      "properties": {
        "description": {"$ref": "#/$defs/text"},
        "arguments": {"description": "By pack (secrets, seed_secrets, personal_data, poisoning, code, vault) or rule.",
          "$ref": "#/$defs/inspect_words"},
        "results": {"description": "By pack or rule.", "$ref": "#/$defs/inspect_words"},
        "rules": {"description": "By rule id, both ways. Wins over the pack.", "$ref": "#/$defs/inspect_words"},
        "confidence": {"description": "Findings below it only flag.", "enum": ["low", "medium", "high"], "default": "medium"},
        "mode": {"$ref": "#/$defs/mode"}
      }
    },
    "inspect_words": {"type": "object", "additionalProperties": {"enum": ["off", "flag", "redact", "ask", "deny", false]}},
    "require": {
      "description": "All conditions must hold, else the call is denied.", "type": "object", "required": ["conditions"],
        "additionalProperties": false,
      "properties": {
        "description": {"$ref": "#/$defs/text"},
        "conditions": {"$ref": "#/$defs/conditions"},
        "on_deny": {"description": "What the caller is told, word for word.", "$ref": "#/$defs/text"},
        "mode": {"$ref": "#/$defs/mode"}
      }
    },
    "deny_if": {
      "description": "When all conditions hold, the call is denied.", "type": "object", "required": ["conditions"],
        "additionalProperties": false,
      "properties": {
        "description": {"$ref": "#/$defs/text"},
        "conditions": {"$ref": "#/$defs/conditions"},
        "on_deny": {"description": "What the caller is told, word for word.", "$ref": "#/$defs/text"},
        "mode": {"$ref": "#/$defs/mode"},
        "on_missing": {"description": "When a value is missing. A value of the wrong type always denies.", "enum": ["deny",
          "ignore"], "default": "deny"}
      }
    },
    "ask": {
      "description": "When all conditions hold, a person has to approve the call. Without conditions: every call.",
      "type": "object", "additionalProperties": false,
      "properties": {
        "description": {"$ref": "#/$defs/text"},
        "conditions": {"$ref": "#/$defs/conditions"},
        "approvers": {"$ref": "#/$defs/approvers"},
        "expires": {"description": "Time to decide in, and then to use the decision in: 30s to 7d.", "type": "string", "default": "15m"},
        "on_ask": {"description": "What caller and approver are told, word for word.", "$ref": "#/$defs/text"},
        "on_missing": {"description": "When a value is missing. A value of the wrong type always asks.", "enum": ["ask", "ignore"],
          "default": "ask"},
        "mode": {"$ref": "#/$defs/mode"}
      }
    },
    "approvers": {
      "type": "object", "additionalProperties": false,
      "properties": {
        "role": {"description": "Held as admin role approver:NAME. Owners and admins may decide too.", "type": "string",
          "pattern": "^[a-z0-9_.-]{1,64}$"},
        "min": {"description": "How many different people have to say yes.", "type": "integer", "minimum": 1, "maximum": 10, "default": 1},
        "self": {"description": "The caller, or the owner of the robot that calls, may decide.", "type": "boolean", "default": false}
      }
    },
    "limit": {
      "type": "object", "required": ["counter", "window", "max"], "additionalProperties": false,
      "properties": {
        "description": {"$ref": "#/$defs/text"},
        "counter": {"description": "The same name, scope, window and kind are the same counter.", "type": "string",
          "pattern": "^[A-Za-z0-9_.-]{1,64}$"},
        "window": {"enum": ["minute", "hour", "day"]},
        "kind": {"description": "calendar starts anew with each UTC minute, hour or day.", "enum": ["calendar", "sliding",
          "token_bucket"], "default": "calendar"},
        "max": {"type": "number", "minimum": 0},
        "scope": {"enum": ["global", "server", "policy", "grant", "principal", "tool", "session"], "default": "grant"},
        "increment": {"description": "What one call takes.", "type": "number", "exclusiveMinimum": 0, "default": 1},
        "increment_from": {"description": "Takes what the argument says, such as args.amount.", "type": "string"},
        "on_deny": {"description": "What the caller is told when the limit is reached.", "$ref": "#/$defs/text"},
        "mode": {"$ref": "#/$defs/mode"}
      }
    },
    "conditions": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/condition"}},
    "one_or_more": {"anyOf": [{"$ref": "#/$defs/condition"}, {"$ref": "#/$defs/conditions"}]},
    "condition": {
      "type": "object", "additionalProperties": false,
      "properties": {
        "path": {"description": "args.amount, args.items.0.price, or a JSON pointer: /args/a~1b", "type": ["string", "number"]},
        "op": {"enum": ["eq", "neq", "in", "not_in", "lt", "lte", "gt", "gte", "contains", "matches", "glob", "starts_with",
          "ends_with", "exists", "length_lte", "length_gte",
                        "path_within", "url_host_in", "cidr_in", "email_domain_in", "command_is", "sql_is"]},
        "value": {"anyOf": [{"$ref": "#/$defs/scalar"}, {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/scalar"}}]},
        "base": {"description": "path_within: where relative paths start.", "type": "string"},
        "home": {"description": "path_within: where `~` and `$HOME` at the start lead.", "type": "string"},
        "opener": {"description": "path_within: what opens the path. file_server: no shell, nothing that takes URLs or expands ~name.",
          "enum": ["any", "file_server"], "default": "any"},
        "ignore_case": {"description": "path_within: the file system does not tell A from a.", "type": "boolean", "default": false},
        "dialect": {"description": "sql_is: whose SQL it is.", "enum": ["postgresql", "postgres", "mysql", "mariadb", "sqlite", "tsql",
          "oracle", "snowflake"], "default": "postgresql"},
        "any": {"description": "At least one element of the list at path.", "$ref": "#/$defs/one_or_more"},
        "all": {"description": "Every element of the list at path.", "$ref": "#/$defs/one_or_more"},
        "none": {"description": "No element of the list at path.", "$ref": "#/$defs/one_or_more"},
        "all_of": {"$ref": "#/$defs/conditions"},
        "any_of": {"$ref": "#/$defs/conditions"},
        "not": {"$ref": "#/$defs/one_or_more"}
      },
      "oneOf": [
        {"required": ["path", "op"]}, {"required": ["path", "any"]}, {"required": ["path", "all"]}, {"required": ["path", "none"]},
        {"required": ["all_of"]}, {"required": ["any_of"]}, {"required": ["not"]}
      ]
    },
    "test": {
      "type": "object", "required": ["call", "expect"], "additionalProperties": false,
      "properties": {
        "description": {"$ref": "#/$defs/text"},
        "after": {"description": "Calls that went before: tools, or {call, args, server}.", "type": "array",
          "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/test_after"}]}},
        "call": {"description": "The tool.", "type": "string"},
        "args": {"type": "object"},
        "expect": {"enum": ["allow", "deny", "ask"]},
        "rule": {"description": "JSON pointer of the rule that must decide.", "type": "string"},
        "message": {"description": "The exact message.", "type": "string"},
        "finding": {"description": "A rule of the inspection that must have found something.", "type": "string"},
        "principal": {"$ref": "#/$defs/test_principal"},
        "grant": {"$ref": "#/$defs/test_grant"},
        "server": {"$ref": "#/$defs/test_server"},
        "session": {"$ref": "#/$defs/test_session"},
        "risk": {"type": "string"},
        "reason": {"description": "The reason the call states.", "type": "string"},
        "at": {"description": "When, in RFC 3339.", "type": "string"},
        "repeat": {"description": "Calls to make; all but the last must be allowed.", "type": "integer", "minimum": 1,
          "maximum": 10000, "default": 1}
      }
    },
    "test_principal": {"type": "object", "additionalProperties": false,
      "properties": {"id": {"type": "string"}, "name": {"type": "string"}, "kind": {"enum": ["user", "robot"]},
        "owner": {"type": "string"}}},
    "test_grant": {"type": "object", "additionalProperties": false,
      "properties": {"id": {"type": "string"}, "label": {"type": "string"}, "role": {"type": "string"}}},
    "test_server": {"type": "object", "additionalProperties": false,
      "properties": {"id": {"type": "string"}, "slug": {"type": "string"}, "name": {"type": "string"},
        "labels": {"$ref": "#/$defs/label_names"}}},
    "test_after": {"type": "object", "required": ["call"], "additionalProperties": false,
      "properties": {"call": {"type": "string"}, "args": {"type": "object"}, "server": {"$ref": "#/$defs/test_server"}}},
    "test_session": {"type": "object", "additionalProperties": false,
      "properties": {"id": {"type": "string"}, "client": {"type": "string"}, "labels": {"$ref": "#/$defs/label_names"},
        "tools": {"$ref": "#/$defs/tool_names"}, "calls": {"type": "integer", "minimum": 0}}}
  }
}
)json";

}  // namespace

std::string_view json_schema() { return kSchema; }

}  // namespace callgate::policy
