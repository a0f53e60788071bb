"""What the benchmark measures: the backend stub, nginx in front of it, and gates with one setting changed each."""
import dataclasses
import json
import os
import pathlib
import sys

from dev import setup, shell

sys.path.insert(0, str(shell.ROOT / "tests"))

from harness.gate import Gate  # noqa: E402
from harness.processes import Child  # noqa: E402

SIZES = (300, 1024, 16384, 262144)
TOOL = "refund_payment"


@dataclasses.dataclass
class Variant:
    """One row of the table: where to send a request of `size` bytes, and whose processor time to count."""
    name: str
    port: int
    pid: int
    requests: dict[int, pathlib.Path]


def cores() -> tuple[str, str]:
    """Where the proxy runs, and where load and backend run. One processor: all on it, and the table says so."""
    usable = sorted(os.sched_getaffinity(0))
    return str(usable[0]), str(usable[1] if len(usable) > 1 else usable[0])


def pinned(core: str) -> list[str]:
    return ["taskset", "-c", core]


def message(size: int) -> bytes:
    """A tools/call of about `size` bytes, as a 2026-07-28 client sends it."""
    def build(note: str) -> bytes:
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {}}
        arguments = {"charge_id": "ch_105", "amount": 5, "currency": "usd", "note": note}
        return json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
                           "params": {"name": TOOL, "arguments": arguments, "_meta": meta}}, separators=(",", ":")).encode()
    words = "a refund for a parcel that never came; "
    room = max(0, size - len(build("")))
    return build((words * (room // len(words) + 1))[:room])


def request(path: str, token: str, size: int) -> bytes:
    body = message(size)
    head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", "Accept: application/json, text/event-stream",
            "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", f"Mcp-Name: {TOOL}", f"Authorization: Bearer {token}",
            f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


class Field:
    """Starts and stops everything; `variants` fills as servers come up."""

    def __init__(self, folder: pathlib.Path, binaries: pathlib.Path):
        self.folder, self.binaries = folder, binaries
        self.proxy_core, self.load_core = cores()
        self.running: list = []
        self.variants: dict[str, Variant] = {}
        self.backend = self.keep(Child([*pinned(self.load_core), binaries / "bench" / "bench_backend"], log=folder / "backend.log",
                                       ready=lambda line: int(line.split()[1]) if line.startswith("listening") else None))
        self.add("direct", self.backend.value, self.backend.pid, lambda size: f"/r/{size}", "none")

    def keep(self, thing):
        self.running.append(thing)
        return thing

    def stop(self) -> None:
        for thing in reversed(self.running):
            thing.stop()

    def add(self, name: str, port: int, pid: int, path, token: str, sizes=SIZES) -> None:
        files = {}
        for size in sizes:
            files[size] = self.folder / f"request-{name}-{size}"
            files[size].write_bytes(request(path(size), token, size))
        self.variants[name] = Variant(name, port, pid, files)

    # -- nginx: one worker, keep-alive both ways, nothing logged, nothing on disk

    def add_nginx(self) -> None:
        where = self.folder / "nginx"
        where.mkdir()
        port = free_port()
        config = where / "nginx.conf"
        config.write_text(NGINX.format(where=where, port=port, backend=self.backend.value, user="user root;" if os.geteuid() == 0 else ""))
        nginx = setup.which("nginx")
        if nginx is None:
            raise shell.Failed("nginx is not installed; `./dev setup bench` brings it")
        child = self.keep(Child([*pinned(self.proxy_core), nginx, "-p", where, "-c", config, "-e", where / "error.log", "-g", "daemon off;"],
                                log=where / "out.log"))
        wait_for_port(port, child)
        self.add("nginx", port, worker_of(child.pid), lambda size: f"/r/{size}", "none")

    # -- gates

    def gate(self, name: str, *serve_args: str) -> Gate:
        return self.keep(Gate(self.folder / name, binary_path=self.binaries / "callgate", serve_args=serve_args, prefix=pinned(self.proxy_core),
                              env={"CALLGATE_WORKERS": "1", "CALLGATE_LOG_LEVEL": "warn"}))

    def add_gate(self, name: str, gate: Gate, *, rules: int, path: str = "/r/{size}", sizes=SIZES, grants: int = 1, inspect=None) -> None:
        """A policy of so many rules, and a server for each size of answer."""
        gate.put_policy(f"p-{name}", policy(rules, inspect))
        slugs = {}
        for size in sizes:
            slugs[size] = f"{name}-{size}".replace("_", "-")
            gate.add_server(slugs[size], f"http://127.0.0.1:{self.backend.value}" + path.format(size=size))
        for number in range(1, grants):
            status, answer = gate.api("POST", "/api/v1/grants", {"label": f"{name}-{number}", "principal": "bench", "servers": ["*"],
                                                                 "policy": f"p-{name}"})
            if status >= 300:
                raise shell.Failed(f"minting a grant: {status} {answer}")
        token = gate.mint(name, server="*", policy=f"p-{name}", user="bench")
        self.add(name, gate.port, gate.child.pid, lambda size: f"/mcp/{slugs[size]}/", token, sizes)


EVERYTHING = {"secrets": "deny", "personal_data": "flag", "poisoning": "flag", "code": "flag"}


def policy(rules: int, inspect=None) -> str:
    """Up to 20 rules on the called tool (16 deny_if, 2 require, 2 limits), the others on tools beside it, ten each."""
    here = [{"conditions": [{"path": "args.amount", "op": "gt", "value": 1000 + number}], "on_deny": "too much"} for number in range(min(rules, 16))]
    tool: dict = {"deny_if": here}
    if rules >= 20:
        tool["require"] = [{"conditions": [{"path": "args.currency", "op": "in", "value": ["usd", "eur"]}]},
                           {"conditions": [{"path": "args.charge_id", "op": "starts_with", "value": "ch_"}]}]
        tool["limits"] = [{"counter": "calls", "window": "minute", "max": 10 ** 12, "scope": "grant"},
                          {"counter": "spent", "window": "day", "max": 10 ** 15, "scope": "grant", "increment_from": "args.amount"}]
    tools = {TOOL: tool}
    for number in range(0, max(0, rules - 20), 10):
        tools[f"other_{number // 10}"] = {"deny_if": [{"conditions": [{"path": f"args.field_{at}", "op": "gt", "value": at}]} for at in range(10)]}
    more = {"inspect": {"arguments": inspect, "results": inspect}} if inspect else {}
    return json.dumps({"version": "1", "default": "allow", "hide": ["delete_customer"], "tools": tools} | more)


def free_port() -> int:
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, child: Child) -> None:
    import socket
    import time
    for _ in range(500):
        if not child.alive():
            raise shell.Failed(f"nginx ended: {child.tail()}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.01)
    raise shell.Failed("nginx does not listen")


def worker_of(master: int) -> int:
    children = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return int(children[0]) if children else master


NGINX = """{user}
worker_processes 1;
error_log {where}/error.log crit;
pid {where}/nginx.pid;
events {{ worker_connections 4096; multi_accept on; }}
http {{
  access_log off;
  tcp_nodelay on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_max_body_size 16m;
  client_body_buffer_size 1m;
  client_body_temp_path {where}/body;
  proxy_temp_path {where}/proxy;
  fastcgi_temp_path {where}/fastcgi;
  uwsgi_temp_path {where}/uwsgi;
  scgi_temp_path {where}/scgi;
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 512; keepalive_requests 1000000000; keepalive_timeout 600s; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffer_size 16k;
      proxy_buffers 32 16k;
      proxy_busy_buffers_size 64k;
      proxy_max_temp_file_size 0;
    }}
  }}
}}
"""
