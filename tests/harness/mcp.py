"""A small MCP client for tests: 2025 sessions and 2026-07-28, and raw bytes when a test wants to be rude."""
import dataclasses
import http.client
import itertools
import json
import socket
import urllib.parse

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
META = "io.modelcontextprotocol/"


@dataclasses.dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def messages(self) -> list[dict]:
        """All JSON-RPC messages, from a JSON body or from an event stream."""
        kind = self.headers.get("content-type", "")
        if kind.startswith("text/event-stream"):
            return [json.loads(data) for data in events(self.body)]
        return [json.loads(self.body)] if self.body and kind.startswith("application/json") else []

    @property
    def last(self) -> dict:
        return self.messages[-1] if self.messages else {}

    @property
    def error(self) -> dict:
        return self.last.get("error", {})

    @property
    def result(self) -> dict:
        return self.last.get("result", {})

    @property
    def text(self) -> str:
        return "".join(part.get("text", "") for part in self.result.get("content", []))


def events(body: bytes) -> list[str]:
    found = []
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        data = [line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
        if data and "\n".join(data):
            found.append("\n".join(data))
    return found


class Client:
    """era: a protocol revision. A 2025 client opens its session at the first request."""

    def __init__(self, url: str, *, token: str = "", era: str = LEGACY, headers: dict | None = None, timeout_s: float = 30):
        self.url = urllib.parse.urlsplit(url)
        self.token, self.era, self.timeout_s = token, era, timeout_s
        self.headers = headers or {}
        self.session: str | None = None
        self.opened = False
        self.ids = itertools.count(1)
        self.connection: http.client.HTTPConnection | None = None

    # -- one HTTP exchange

    def http(self, method: str, body: bytes | None = None, headers: dict | None = None, path: str | None = None) -> Reply:
        connection = self.connection or http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=self.timeout_s)
        self.connection = connection
        try:
            connection.request(method, path or self.url.path, body, self.standard_headers() | (headers or {}))
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.will_close:
            self.close()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, data)

    def standard_headers(self) -> dict:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.session:
            headers["Mcp-Session-Id"] = self.session
        if self.opened or self.era == MODERN:
            headers["MCP-Protocol-Version"] = self.era
        return headers | self.headers

    def close(self) -> None:
        if self.connection:
            self.connection.close()
            self.connection = None

    # -- JSON-RPC

    def open(self) -> Reply:
        self.opened = False
        reply = self.post({"jsonrpc": "2.0", "id": next(self.ids), "method": "initialize", "params": {
            "protocolVersion": self.era, "capabilities": {}, "clientInfo": {"name": "callgate-tests", "version": "1"}}})
        self.session = reply.headers.get("mcp-session-id")
        if reply.result:
            self.opened = True
            self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return reply

    def post(self, message, headers: dict | None = None) -> Reply:
        return self.http("POST", json.dumps(message).encode(), headers)

    def message(self, method: str, params: dict, request_id=None) -> dict:
        if self.era == MODERN:
            meta = {META + "protocolVersion": MODERN, META + "clientInfo": {"name": "callgate-tests", "version": "1"},
                    META + "clientCapabilities": {}}
            params = params | {"_meta": meta | params.get("_meta", {})}
        return {"jsonrpc": "2.0", "id": next(self.ids) if request_id is None else request_id, "method": method, "params": params}

    def request(self, method: str, params: dict | None = None, headers: dict | None = None) -> Reply:
        if self.era != MODERN and not self.opened:
            opened = self.open()
            if not self.opened:
                return opened
        named = {}
        if self.era == MODERN:
            named["Mcp-Method"] = method
            if "name" in (params or {}):
                named["Mcp-Name"] = params["name"]
        return self.post(self.message(method, params or {}), named | (headers or {}))

    def tools(self) -> list[str]:
        return [tool["name"] for tool in self.request("tools/list").result.get("tools", [])]

    def call(self, tool: str, **arguments) -> Reply:
        return self.request("tools/call", {"name": tool, "arguments": arguments})

    # -- raw bytes

    def raw(self, data: bytes, *, pieces: int = 1, timeout_s: float = 10) -> bytes:
        """Sends exactly these bytes on a new connection and returns what comes until the other side closes or `timeout_s` passes."""
        with socket.create_connection((self.url.hostname, self.url.port), timeout=timeout_s) as sock:
            step = max(1, len(data) // pieces)
            try:
                for at in range(0, len(data), step):
                    sock.sendall(data[at:at + step])
            except OSError:
                pass                      # refused while we were still talking: what it said is what counts
            received = b""
            try:
                while piece := sock.recv(65536):
                    received += piece
            except OSError:
                pass
        return received
