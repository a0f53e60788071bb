"""An MCP server of 2025-11-25 for measuring streams: it holds GET streams open, and its tools answer at once, in ticks, or in a flood.

ping          one JSON answer
ticks         an event stream: {count} progress notifications, {every_ms} apart, each with the time it was sent, then the answer
flood         an event stream of {megabytes} MB as fast as the reader takes it
"""
import asyncio
import json
import time


class StreamServer:
    """start() listens on loopback; `streams` counts the GET streams that are open, `flooded` the bytes written by floods."""

    def __init__(self):
        self.streams, self.flooded, self.sessions = 0, 0, 0
        self.server = None

    async def start(self) -> int:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=4096, limit=1 << 20)
        return self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while line := await reader.readline():
                method = line.split(b" ", 1)[0]
                length = 0
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    if header.lower().startswith(b"content-length:"):
                        length = int(header.split(b":")[1])
                body = await reader.readexactly(length) if length else b""
                if method == b"GET" and b"/quiet" not in line:
                    return await self.hold(reader, writer)
                if method == b"GET":
                    writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
                    continue
                if method == b"POST":
                    await self.post(json.loads(body), writer)
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def hold(self, reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        await writer.drain()
        self.streams += 1
        try:
            await reader.read()
        finally:
            self.streams -= 1

    async def post(self, message, writer):
        if "id" not in message:
            return writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        arguments = message.get("params", {}).get("arguments", {})
        tool = message.get("params", {}).get("name")
        if tool in ("ticks", "flood"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            await (self.ticks if tool == "ticks" else self.flood)(message, arguments, writer)
            self.event(writer, {"jsonrpc": "2.0", "id": message["id"], "result": {"content": []}})
            return writer.write(b"0\r\n\r\n")
        extra, result = "", {"content": [{"type": "text", "text": "pong"}]}
        if message["method"] == "initialize":
            self.sessions += 1
            extra = f"Mcp-Session-Id: s{self.sessions}\r\n"
            result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "streams", "version": "1"}}
        elif message["method"] == "tools/list":
            result = {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in ("ping", "ticks", "flood")]}
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def ticks(self, message, arguments, writer):
        for i in range(arguments["count"]):
            await asyncio.sleep(arguments["every_ms"] / 1000)
            params = {"progressToken": message["id"], "progress": i + 1, "message": str(time.monotonic_ns())}
            self.event(writer, {"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
            await writer.drain()

    async def flood(self, message, arguments, writer):
        piece = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x" * 65_000}}
        for _ in range(arguments["megabytes"] * 16):
            self.flooded += self.event(writer, piece)
            await writer.drain()

    @staticmethod
    def event(writer, message) -> int:
        data = b"data: " + json.dumps(message).encode() + b"\n\n"
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        return len(data)


async def main():
    import os
    import sys
    server = StreamServer()
    print(await server.start(), flush=True)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: os.read(0, 1) or ended.set())     # ends with whoever started it
    await ended.wait()


if __name__ == "__main__":
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main())
