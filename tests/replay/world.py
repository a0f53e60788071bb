"""Toy MCP servers that really do what their tools say, so that an attack that gets through can be seen to have happened.

    notes = World("notes", [Tool("read_note", "Reads a note.", read, name="string")])
    notes.url; notes.calls("read_note"); notes.tools["read_note"].description = "another one"

They speak 2025-11-25 and 2026-07-28, answer with JSON, and listen on loopback.
"""
import http.server
import json
import threading


class Tool:
    """`work` is called with the arguments and returns text; what it raises becomes an error result. `parameters`: name -> JSON type."""

    def __init__(self, tool_name: str, description: str, work, **parameters: str):
        self.name, self.description, self.work, self.parameters = tool_name, description, work, parameters

    def definition(self) -> dict:
        properties = {name: {"type": kind.rstrip("?")} for name, kind in self.parameters.items()}
        required = [name for name, kind in self.parameters.items() if not kind.endswith("?")]
        return {"name": self.name, "description": self.description,
                "inputSchema": {"type": "object", "properties": properties, "required": required, "additionalProperties": False}}


class World:
    def __init__(self, name: str, tools: list[Tool]):
        self.name = name
        self.tools = {tool.name: tool for tool in tools}
        self.received: list[dict] = []
        self._lock = threading.Lock()          # one call at a time: tools need no locks of their own
        world = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_POST(self):
                message = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                self.respond(200 if "id" in message else 202, world.answer(message) if "id" in message else None)

            def do_GET(self):
                self.respond(405, None)

            do_DELETE = do_GET

            def respond(self, status, message):
                data = json.dumps(message).encode() if message else b""
                self.send_response(status)
                if data:
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/mcp"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def calls(self, tool: str) -> list[dict]:
        with self._lock:
            return [params.get("arguments", {}) for params in self.received if params.get("name") == tool]

    # -- the protocol

    def answer(self, message: dict) -> dict:
        method, params = message.get("method"), message.get("params", {})
        modern = "io.modelcontextprotocol/protocolVersion" in params.get("_meta", {})
        extra = {"resultType": "complete"} if modern else {}
        if method == "initialize":
            result = {"protocolVersion": params.get("protocolVersion"), "capabilities": {"tools": {}}, "serverInfo": {"name": self.name, "version": "1"}}
        elif method == "server/discover":
            result = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"}
        elif method == "tools/list":
            result = {"tools": [tool.definition() for tool in self.tools.values()]} | ({"ttlMs": 0, "cacheScope": "private"} if modern else {})
        elif method == "tools/call" and params.get("name") in self.tools:
            result = self.call(params)
        else:
            return {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no such method or tool"}}
        return {"jsonrpc": "2.0", "id": message["id"], "result": result | extra}

    def call(self, params: dict) -> dict:
        with self._lock:
            self.received.append(params)
            try:
                text, failed = self.tools[params["name"]].work(**params.get("arguments", {})), False
            except Exception as error:         # whatever a tool stumbles over is its answer
                text, failed = f"{type(error).__name__}: {error}", True
        return {"content": [{"type": "text", "text": text}]} | ({"isError": True} if failed else {})
