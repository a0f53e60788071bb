"""Adds one `Authorization` header to every request and passes every other byte on as it came, both ways and at once.

The suites cannot send a token and the gate never serves without a caller. Host and Origin stay as sent: the gate judges them.
"""
import asyncio
import re
import threading

HEAD_MAX = 1 << 20


class Bearer:
    """Listens on a loopback port of its own and forwards to `port`. Lives in a thread; `stop` ends it."""

    def __init__(self, port: int, token: str):
        self.target = port
        self.line = f"Authorization: Bearer {token}\r\n".encode()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._connection, "127.0.0.1", 0, limit=HEAD_MAX), self.loop).result(10)
        self.port = self.server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        async def end():
            self.server.close()
            mine = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in mine:
                task.cancel()
            await asyncio.gather(*mine, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    async def _connection(self, client, answer):
        try:
            gate, ask = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            answer.close()
            return
        ways = [asyncio.ensure_future(self._requests(client, ask)), asyncio.ensure_future(copy(gate, answer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass                          # stop(): nobody waits for this task
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for side in (ask, answer):
                side.close()

    async def _requests(self, client, ask):
        while True:
            head = await client.readuntil(b"\r\n\r\n")
            first = head.index(b"\r\n") + 2
            ask.write(head[:first] + self.line + head[first:])
            if re.search(rb"\r\ntransfer-encoding:[^\r]*chunked", head, re.I):
                await self._chunks(client, ask)
            else:
                length = re.search(rb"\r\ncontent-length:\s*(\d+)", head, re.I)
                await exactly(client, ask, int(length.group(1)) if length else 0)
            await ask.drain()

    async def _chunks(self, client, ask):
        while True:
            line = await client.readuntil(b"\r\n")
            ask.write(line)
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while (trailer := await client.readuntil(b"\r\n")) != b"\r\n":
                    ask.write(trailer)
                ask.write(b"\r\n")
                return
            await exactly(client, ask, size + 2)


async def exactly(source, sink, count):
    while count > 0:
        piece = await source.read(min(count, 65536))
        if not piece:
            raise ConnectionError("ended in the middle of a body")
        count -= len(piece)
        sink.write(piece)
        await sink.drain()


async def copy(source, sink):
    while piece := await source.read(65536):
        sink.write(piece)
        await sink.drain()
