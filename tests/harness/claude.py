"""Drives the real Claude Code offline: a scripted stand-in for the Messages API, and one run of the native binary.

A script is a list of steps; step n answers the request that holds n assistant messages, so retries and side requests use up nothing:
    {"tool": "mcp__gate__refund_payment", "input": {...}}   or   {"text": "..."}
"""
import dataclasses
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

from harness.processes import ROOT

sys.path.append(str(ROOT / "tools"))

from dev import npm, shell  # noqa: E402

PACKAGES = ROOT / "tests" / "e2e"


def install_clients() -> str | None:
    """None, or the reason why the npm packages cannot be had."""
    try:
        npm.install(PACKAGES)
    except shell.Failed as failure:
        return f"the clients' npm packages cannot be installed: {failure}"
    return None


def native_binary() -> pathlib.Path | None:
    return next(iter(PACKAGES.glob("node_modules/@anthropic-ai/claude-code-linux-*/claude")), None)


class ScriptedModel:
    """Answers POST /v1/messages as the script says. `tool_results` holds what the model was told, in order."""

    def __init__(self, script: list[dict]):
        self.script = script
        self.offered: list[str] = []           # tool names of the first main request
        self.requests: list[dict] = []
        self._lock = threading.Lock()
        model = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_HEAD(self):
                self._send(200, b"", "text/plain")

            do_GET = do_HEAD

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.split("?")[0]
                request = json.loads(body or b"{}") if path.startswith("/v1/messages") else {}
                if path == "/v1/messages/count_tokens":
                    return self._send(200, b'{"input_tokens":100}', "application/json")
                if path != "/v1/messages":
                    return self._send(404, b"{}", "application/json")
                kind, data = model.answer(request)
                self._send(200, data, kind)

            def _send(self, status, data, kind):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: dict) -> tuple[str, bytes]:
        main = bool(request.get("tools")) and request.get("stream") is True
        step = sum(1 for message in request.get("messages", []) if message.get("role") == "assistant")
        with self._lock:
            if main:
                self.requests.append(request)
                self.offered = self.offered or [tool.get("name", "") for tool in request["tools"]]
        chosen = (self.script[step] if step < len(self.script) else {"text": "Done."}) if main else {"text": "ok"}
        if "text" in chosen:
            block, stop = {"type": "text", "text": chosen["text"]}, "end_turn"
        else:
            block, stop = {"type": "tool_use", "id": f"toolu_{step:06d}", "name": chosen["tool"], "input": chosen.get("input", {})}, "tool_use"
        message = {"id": f"msg_{step:06d}", "type": "message", "role": "assistant", "model": request.get("model", "scripted"), "stop_sequence": None,
                   "usage": {"input_tokens": 10, "output_tokens": 10, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}}
        if not request.get("stream"):
            return "application/json", json.dumps(message | {"content": [block], "stop_reason": stop}).encode()
        return "text/event-stream", stream(message, block, stop)

    def tool_results(self) -> list[tuple[bool, str]]:
        """(is_error, text) of each tool result in the longest transcript the model was shown."""
        longest = max(self.requests, key=lambda request: len(request["messages"]), default={"messages": []})
        found = []
        for message in longest["messages"]:
            for part in message["content"] if isinstance(message["content"], list) else []:
                if part.get("type") == "tool_result":
                    content = part.get("content", "")
                    text = content if isinstance(content, str) else "".join(piece.get("text", "") for piece in content)
                    found.append((bool(part.get("is_error")), text))
        return found


def stream(message: dict, block: dict, stop: str) -> bytes:
    delta = {"type": "text_delta", "text": block["text"]} if block["type"] == "text" else \
            {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    start = {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}
    parts = [
        ("message_start", {"message": message | {"content": [], "stop_reason": None}}),
        ("content_block_start", {"index": 0, "content_block": start}),
        ("content_block_delta", {"index": 0, "delta": delta}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 10}}),
        ("message_stop", {}),
    ]
    return "".join(f"event: {kind}\ndata: {json.dumps({'type': kind} | value)}\n\n" for kind, value in parts).encode()


@dataclasses.dataclass
class Run:
    code: int
    offered: list[str]                      # tools the client showed the model
    mcp_tools: list[str]                    # tools the client says its MCP servers have
    server_status: dict[str, str]
    tool_results: list[tuple[bool, str]]
    errors: str


def run(folder: pathlib.Path, url: str, script: list[dict], *, token: str = "", server: str = "gate", modern: bool = True,
        transport: str = "http") -> Run:
    """One offline run of Claude Code with one MCP server."""
    model = ScriptedModel(script)
    home = folder / "home"
    work = folder / "work"
    home.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    entry = {"type": transport, "url": url} | ({"headers": {"Authorization": f"Bearer {token}"}} if token else {})
    config = folder / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {server: entry}}))
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", "DISABLE_AUTOUPDATER": "1", "ANTHROPIC_BASE_URL": model.url,
           "ANTHROPIC_API_KEY": "sk-ant-dummy", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "ENABLE_TOOL_SEARCH": "false"}
    if not modern:
        env["MCP_PROTOCOL_NEGOTIATION"] = "legacy"
    argv = [str(native_binary()), "-p", "go", "--mcp-config", str(config), "--strict-mcp-config", "--allowedTools", f"mcp__{server}",
            "--output-format", "stream-json", "--verbose"]
    try:
        done = subprocess.run(argv, cwd=work, env=env, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    finally:
        model.stop()
    (folder / "claude.jsonl").write_text(done.stdout)
    first = {}
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        if entry.get("type") == "system" and entry.get("subtype") == "init":
            first = entry
    prefix = f"mcp__{server}__"
    return Run(code=done.returncode, offered=[name.removeprefix(prefix) for name in model.offered if name.startswith(prefix)],
               mcp_tools=[name.removeprefix(prefix) for name in first.get("tools", []) if name.startswith(prefix)],
               server_status={entry["name"]: entry["status"] for entry in first.get("mcp_servers", [])},
               tool_results=model.tool_results(), errors=done.stderr)
