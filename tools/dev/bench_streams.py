"""bench --streams: what open streams cost. 10,000 idle ones, 1,000 calls that stream at the same time, and readers that do not read.

Latency is that of an event between the server's write and the client's read, against the same without the gate in the same run.
"""
import asyncio
import json
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from dev import build, setup, shell

PER_GRANT = 200                       # sessions at a time; a grant may have 1,000
IDLE, CALLS, SLOW = 10_000, 1_000, 50
TICKS = {"count": 20, "every_ms": 100}


def rss(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024


class Connection:
    """One keep-alive connection; sources differ so that no address has them all."""

    def __init__(self, number: int, port: int, path: str, token: str | None):
        self.port, self.path, self.token, self.source = port, path, token, f"127.0.0.{2 + number % 100}"
        self.session = None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.source, 0), limit=1 << 20)
        status, head = await self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}})
        if status != 200:
            raise RuntimeError(f"initialize was answered with {status}: {self.body[:300]}")
        self.session = re.search(r"(?i)mcp-session-id: (\S+)", head).group(1)
        return self

    def head(self, method: str, length: int = 0) -> bytes:
        lines = [f"{method} {self.path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json, text/event-stream"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        if self.session:
            lines.append(f"Mcp-Session-Id: {self.session}")
        if method == "POST":
            lines += ["Content-Type: application/json", f"Content-Length: {length}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def read_head(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        return int(head.split(" ")[1]), head

    async def post(self, message):
        body = json.dumps(message).encode()
        self.writer.write(self.head("POST", len(body)) + body)
        status, head = await self.read_head()
        length = re.search(r"(?i)content-length: (\d+)", head)
        self.body = await self.reader.readexactly(int(length.group(1))) if length else b""
        return status, head

    async def listen(self):
        self.writer.write(self.head("GET"))
        status, _ = await self.read_head()
        if status != 200:
            raise RuntimeError(f"the stream was answered with {status}: {(await self.reader.read(300)).decode()}")

    async def call(self, tool: str, arguments: dict, number: int = 7):
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {
            "name": tool, "arguments": arguments, "_meta": {"progressToken": number}}}).encode()
        self.writer.write(self.head("POST", len(body)) + body)

    async def delays(self) -> list[float]:
        """Reads one streamed answer; microseconds from each event's writing to its reading."""
        status, _ = await self.read_head()
        found = []
        while status == 200:
            size = int(await self.reader.readline(), 16)
            data = await self.reader.readexactly(size + 2)
            now = time.monotonic_ns()
            found += [(now - int(sent)) / 1000 for sent in re.findall(rb'"message": ?"(\d+)"', data)]
            if size == 0:
                return found
        raise RuntimeError(f"the call was answered with {status}")

    def close(self):
        self.writer.close()


async def in_groups(jobs, size=200):
    done = []
    for at in range(0, len(jobs), size):
        done += await asyncio.gather(*jobs[at:at + size])
    return done


def percentiles(values: list[float]) -> dict:
    ordered = sorted(values)
    return {"p50_us": round(statistics.median(ordered)), "p99_us": round(ordered[int(len(ordered) * 0.99)])}


async def pings(connection: Connection, count: int = 300) -> dict:
    took = []
    for i in range(count):
        began = time.monotonic_ns()
        status, _ = await connection.post({"jsonrpc": "2.0", "id": 100 + i, "method": "tools/call", "params": {"name": "ping", "arguments": {}}})
        took.append((time.monotonic_ns() - began) / 1000)
        if status != 200:
            raise RuntimeError(f"a call was answered with {status}")
    return percentiles(took)


async def streaming_calls(connections: list[Connection]) -> dict:
    await asyncio.gather(*(connection.call("ticks", TICKS) for connection in connections))
    delays = [delay for found in await asyncio.gather(*(connection.delays() for connection in connections)) for delay in found]
    if len(delays) != len(connections) * TICKS["count"]:
        raise RuntimeError(f"{len(delays)} events arrived of {len(connections) * TICKS['count']}")
    return percentiles(delays)


async def idle_streams(pid, through, probe, count, path, before):
    idle = await in_groups([through(i, path).open() for i in range(count)])
    await in_groups([connection.listen() for connection in idle])
    await asyncio.sleep(1)
    after = rss(pid)
    row = {"streams": count, "gate_rss_mb": round(after / 1e6, 1), "bytes_per_stream": round((after - before) / count)}
    beside = await pings(probe)
    for connection in idle:
        connection.close()
    await asyncio.sleep(3)
    return row, beside


async def measure(gate, upstream_port: int, tokens: list[str]) -> dict:
    pid, result = gate.child.pid, {}

    def through(number: int, path: str = "/mcp/streams") -> Connection:
        return Connection(number, gate.port, path, tokens[number // PER_GRANT % len(tokens)])

    probe = await through(0).open()
    await pings(probe, 50)
    result["calls_without_streams"] = await pings(probe)
    # The server holds no stream of its own (405), so the gate keeps the client's open; then one stream each way, two sockets apiece.
    before = rss(pid)
    result["idle_streams"], result["calls_beside_them"] = await idle_streams(pid, through, probe, IDLE, "/mcp/quiet", before)
    room = (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500) // 2
    result["idle_streams_both_ways"], result["calls_beside_those"] = await idle_streams(pid, through, probe, min(IDLE, room), "/mcp/streams",
                                                                                             before)

    direct = await in_groups([Connection(i, upstream_port, "/mcp", None).open() for i in range(CALLS)])
    result["streaming_calls_direct"] = {"calls": CALLS} | await streaming_calls(direct)
    for connection in direct:
        connection.close()
    calls = await in_groups([through(i).open() for i in range(CALLS)])
    result["streaming_calls"] = {"calls": CALLS} | await streaming_calls(calls)
    for connection in calls:
        connection.close()

    slow = await in_groups([through(i).open() for i in range(SLOW)])
    before = rss(pid)
    for connection in slow:
        connection.reader._transport.pause_reading()      # the kernel's buffers fill, and then the gate's
        await connection.call("flood", {"megabytes": 64})
    await asyncio.sleep(5)
    result["slow_readers"] = {"readers": SLOW, "megabytes_offered_each": 64, "bytes_per_reader": round((rss(pid) - before) / SLOW)}
    for connection in slow:
        connection.close()
    return result


def main(json_file: str | None) -> int:
    setup.ensure("build", "bench")
    where = build.compile("release", ["callgate"], quiet=True)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sys.path.insert(0, str(shell.ROOT / "tests"))
    from harness.gate import Gate
    with tempfile.TemporaryDirectory(prefix="callgate-streams-") as folder:
        upstream = subprocess.Popen([sys.executable, str(shell.ROOT / "tests" / "toys" / "streams.py")], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
        gate = None
        try:
            port = int(upstream.stdout.readline())
            gate = Gate(pathlib.Path(folder), binary_path=where / "callgate")
            gate.run("user", "add", "bench")
            gate.put_policy("open", "version: \"1\"\ndefault: allow\n")
            for name in ("streams", "quiet"):
                gate.add_server(name, f"http://127.0.0.1:{port}/{name}", "--policy", "open")
            tokens = [gate.mint(f"g{i}", server="*", user="bench") for i in range(-(-IDLE // PER_GRANT) + 1)]
            result = asyncio.run(measure(gate, port, tokens))
        finally:
            if gate is not None:
                gate.stop()
            upstream.stdin.close()
            upstream.wait(10)
    for name, row in result.items():
        shell.say(f"{name:24} " + ", ".join(f"{key} {value:,}" for key, value in row.items()))
    good = result["idle_streams"]["bytes_per_stream"] <= 10_240 and result["slow_readers"]["bytes_per_reader"] <= 2_000_000
    shell.say(f"Goal: at most 10 KB per idle stream, at most 2 MB per reader that does not read: {'reached' if good else 'missed'}.")
    if json_file:
        pathlib.Path(json_file).write_text(json.dumps(result, indent=1) + "\n")
    return 0 if good else 1
