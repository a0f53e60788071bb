"""A stdio server of notes, legacy era, that also does what servers should not: noise on its output, chatter on stderr, an exit on demand.

    python3 stdio_notes.py       tools: note_add {text}, note_list {}, environment {}, slow {steps}, leave {}
"""
import json
import os
import sys
import time

NOTES = []
TOOLS = [{"name": name, "description": name.replace("_", " "), "inputSchema": {"type": "object"}}
         for name in ("note_add", "note_list", "environment", "slow", "leave")]


def say(message: dict) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def call(identity, params: dict) -> str:
    name, arguments = params["name"], params.get("arguments", {})
    if name == "note_add":
        NOTES.append(arguments["text"])
        return f"{len(NOTES)} notes"
    if name == "note_list":
        return ", ".join(NOTES) or "none"
    if name == "environment":
        return json.dumps(dict(os.environ))
    if name == "slow":
        token = params.get("_meta", {}).get("progressToken")
        for step in range(arguments["steps"]):
            if token is not None:
                say({"method": "notifications/progress", "params": {"progressToken": token, "progress": step + 1}})
            time.sleep(0.05)          # clients forget progress that arrives together with the answer
        return "done"
    sys.exit(5)


def main() -> None:
    print("notes 1.0 starting up", flush=True)
    print(f"token is {os.environ.get('NOTES_TOKEN', 'missing')}", file=sys.stderr, flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        method, identity = message.get("method"), message.get("id")
        if identity is None or method is None:
            continue
        if method == "initialize":
            info = {"name": "notes", "version": "1.0"}
            say({"id": identity, "result": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}})
        elif method == "tools/list":
            say({"id": identity, "result": {"tools": TOOLS}})
        elif method == "tools/call":
            say({"id": identity, "result": {"content": [{"type": "text", "text": call(identity, message["params"])}]}})
        else:
            say({"id": identity, "error": {"code": -32601, "message": "Method not found"}})


main()
