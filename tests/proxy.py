"""A TCP proxy that the tests own: it stands before one or several servers and breaks the line on demand.

It runs in a thread of its own, so that sync and async tests use it alike, and works on bytes.

    with Proxy(server_a.port, server_b.port) as proxy:   # connections go to the backends in turn
        proxy.cut()                     # every connection is reset at once
        proxy.cut_after(7)              # 7 more bytes to each client, then a reset: a cut in the middle of a frame
        proxy.refusing = True           # new connections are closed at once, as by a server that is not there
        proxy.pause(); proxy.resume()   # nothing passes either way, and nobody is told: a half-open line
        proxy.drop(UP)                  # what clients send vanishes; DOWN: what servers send; pass_all() ends it
        proxy.delay, proxy.jitter = 0.5, 0.4   # seconds; order is kept
        proxy.chunk = 1                 # bytes per write: one at a time
        proxy.no_upgrades = True        # a request for a socket becomes an ordinary one: the only word of HTTP it knows
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import re
import socket
import struct
import threading
from collections.abc import Callable

UP = "up"  # from client to server
DOWN = "down"  # from server to client
BOTH = "both"


class Proxy:
    def __init__(self, *backends: int, port: int = 0):
        """`backends` are ports of this machine; `port` 0 takes a free one."""
        self.backends = list(backends)  # may be changed at any time; read when a connection comes
        self.port = port
        self.delay = 0.0
        self.jitter = 0.0
        self.chunk = 64 * 1024
        self.refusing = False
        self.no_upgrades = False
        self.accepted = 0  # connections so far
        self._turn = itertools.count()
        self._lines: set[_Line] = set()
        self._dropped: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._open = asyncio.Event()  # cleared while paused

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._lines)

    # ── Its life ─────────────────────────────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        self._thread.start()
        self._do(self._start())

    async def _start(self) -> None:
        self._open.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        if self._loop.is_closed():
            return
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        tasks = [line.task for line in self._lines if line.task]
        for line in list(self._lines):
            line.cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __enter__(self) -> Proxy:
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    # ── What it can be told, from any thread; it holds when the call returns ─────────────────────────────────────
    def cut(self) -> int:
        """Resets every connection; says how many there were."""
        return self._do(self._cut())

    def cut_after(self, count: int, direction: str = DOWN) -> None:
        """Lets `count` more bytes pass on each connection of now, then resets it."""

        def set_allowance() -> None:
            for line in self._lines:
                line.allowance[direction] = count

        self._call(set_allowance)

    def pause(self) -> None:
        self._call(self._open.clear)

    def resume(self) -> None:
        self._call(self._open.set)

    def drop(self, direction: str) -> None:
        """Bytes of this direction are taken and thrown away."""
        self._call(lambda: self._dropped.update({UP, DOWN} if direction == BOTH else {direction}))

    def pass_all(self) -> None:
        """Ends all of these. A stream that lost bytes stays broken: `cut` it."""

        def reset() -> None:
            self._dropped.clear()
            self.delay = self.jitter = 0.0
            self.chunk = 64 * 1024
            self.refusing = self.no_upgrades = False
            self._open.set()

        self._call(reset)

    async def _cut(self) -> int:
        lines = list(self._lines)
        for line in lines:
            line.cut()
        return len(lines)

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def _call(self, act: Callable[[], None]) -> None:
        async def run() -> None:
            act()

        self._do(run())

    # ── Connections ──────────────────────────────────────────────────────────────────────────────────────────────
    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refusing or not self.backends:
            writer.transport.abort()
            return
        # In turn; a backend that is not there is passed over, as by any balancer.
        first = next(self._turn)
        for step in range(len(self.backends)):
            port = self.backends[(first + step) % len(self.backends)]
            try:
                server = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                continue
        else:
            writer.transport.abort()
            return
        line = _Line(self, (reader, writer), server)
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)


class _Line:
    """One client's connection and the one to its server."""

    def __init__(self, proxy: Proxy, client, server):
        self.proxy = proxy
        self.ends = {UP: (client[0], server[1]), DOWN: (server[0], client[1])}  # direction: from whom, to whom
        self.writers = (client[1], server[1])
        self.allowance: dict[str, int] = {}
        self.task = asyncio.current_task()

    def cut(self) -> None:
        for writer in self.writers:
            with contextlib.suppress(OSError):  # closed already
                # No lingering: the end is a reset, not a close in good order.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        if self.task is not None:
            self.task.cancel()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for direction in (UP, DOWN):
                    # Bounded, so that an end that does not read is felt by the other, as on a real line.
                    held: asyncio.Queue = asyncio.Queue(64)
                    group.create_task(self._take(direction, held))
                    group.create_task(self._give(direction, held))
        except* OSError:
            pass  # an end has reset the connection: so does the other end see it
        except* asyncio.CancelledError:
            pass
        finally:
            for writer in self.writers:
                writer.transport.abort()

    async def _take(self, direction: str, held: asyncio.Queue) -> None:
        reader, _ = self.ends[direction]
        loop, due = asyncio.get_running_loop(), 0.0
        while True:
            data = await reader.read(64 * 1024)
            if direction == UP and self.proxy.no_upgrades:
                data = re.sub(rb"(?i)\r\nupgrade: *websocket", b"\r\nX-Upgrade: none", data)
            wait = self.proxy.delay + random.uniform(-self.proxy.jitter, self.proxy.jitter)
            due = max(due, loop.time() + wait)
            await held.put((due, data))
            if not data:
                return

    async def _give(self, direction: str, held: asyncio.Queue) -> None:
        _, writer = self.ends[direction]
        loop = asyncio.get_running_loop()
        while True:
            due, data = await held.get()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            await self.proxy._open.wait()
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            if direction in self.proxy._dropped:
                continue
            if direction in self.allowance:
                data = data[: self.allowance[direction]]
                self.allowance[direction] -= len(data)
            while data:
                piece, data = data[: self.proxy.chunk], data[self.proxy.chunk :]
                writer.write(piece)
                await writer.drain()
                if data:
                    await asyncio.sleep(0)
            if self.allowance.get(direction) == 0:
                # What was let through is sent before the reset: an abort alone would throw it away.
                await asyncio.sleep(0.05)
                self.cut()
