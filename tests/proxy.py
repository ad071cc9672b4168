"""A TCP proxy in front of one or several servers. Tests use it to simulate network faults.

It runs in its own thread, so that sync and async tests can use it. It works on bytes, not on messages.

    with Proxy(server_a.port, server_b.port) as proxy:   # connections go to the backends in turn
        proxy.cut()                     # every connection is reset at once
        proxy.cut_after(7)              # each client gets 7 more bytes, then its connection is reset, inside a frame
        proxy.refusing = True           # closes new connections at once, as if the server did not run
        proxy.pause(); proxy.resume()   # connections stay open, but no data passes in between
        proxy.drop(UP)                  # discards what clients send (DOWN: what servers send) until pass_all()
        proxy.delay, proxy.jitter = 0.5, 0.4   # seconds: delays all data by 0.1 to 0.9 s and keeps its order
        proxy.chunk = 1                 # passes single bytes on
        proxy.no_upgrades = True        # removes the header `Upgrade: websocket`, so that no WebSocket opens
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
        """Creates a proxy for servers on 127.0.0.1 with the ports `backends`.

        `port` is the port of the proxy; 0 chooses a free port.
        """
        self.backends = list(backends)  # may be changed at any time, for new connections
        self.port = port
        self.delay = 0.0
        self.jitter = 0.0
        self.chunk = 64 * 1024
        self.refusing = False
        self.no_upgrades = False
        self.accepted = 0  # number of connections accepted so far
        self._turn = itertools.count()
        self._open_connections: set[_ProxiedConnection] = set()
        self._dropped: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._open = asyncio.Event()  # not set while the proxy is paused

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._open_connections)

    # ── Start and stop ──────────────────────────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        self._thread.start()
        self._run_in_loop(self._start())

    async def _start(self) -> None:
        self._open.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        if self._loop.is_closed():
            return
        self._run_in_loop(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        tasks = [connection.task for connection in self._open_connections if connection.task]
        for connection in list(self._open_connections):
            connection.cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __enter__(self) -> Proxy:
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    # ── Faults. May be called from any thread; take effect before returning ─────────────────────────────────────────
    def cut(self) -> int:
        """Resets all TCP connections and returns how many there were."""
        return self._run_in_loop(self._cut())

    def cut_after(self, count: int, direction: str = DOWN) -> None:
        """Passes `count` more bytes on each open connection, then resets the connection.

        Only bytes in one direction are counted: UP (from clients to servers) or DOWN (from servers to clients).
        """

        def set_allowance() -> None:
            for connection in self._open_connections:
                connection.allowance[direction] = count

        self._call(set_allowance)

    def pause(self) -> None:
        self._call(self._open.clear)

    def resume(self) -> None:
        self._call(self._open.set)

    def drop(self, direction: str) -> None:
        """Discards all bytes in one direction until `pass_all` is called. Connections stay open.

        The direction is UP (from clients to servers), DOWN (from servers to clients) or BOTH.
        """
        self._call(lambda: self._dropped.update({UP, DOWN} if direction == BOTH else {direction}))

    def pass_all(self) -> None:
        """Ends all simulated network faults.

        Connections that have lost bytes remain unusable: call `cut` to close them.
        """

        def reset() -> None:
            self._dropped.clear()
            self.delay = self.jitter = 0.0
            self.chunk = 64 * 1024
            self.refusing = self.no_upgrades = False
            self._open.set()

        self._call(reset)

    async def _cut(self) -> int:
        open_connections = list(self._open_connections)
        for connection in open_connections:
            connection.cut()
        return len(open_connections)

    def _run_in_loop(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def _call(self, act: Callable[[], None]) -> None:
        async def run() -> None:
            act()

        self._run_in_loop(run())

    # ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────
    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refusing or not self.backends:
            writer.transport.abort()
            return
        # Servers are used in turn, as by a load balancer; one that does not accept connections is skipped.
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
        connection = _ProxiedConnection(self, (reader, writer), server)
        self._open_connections.add(connection)
        try:
            await connection.run()
        finally:
            self._open_connections.discard(connection)


class _ProxiedConnection:
    """A connection from a client to the proxy, together with the connection from the proxy to the server."""

    def __init__(self, proxy: Proxy, client, server):
        self.proxy = proxy
        self.ends = {UP: (client[0], server[1]), DOWN: (server[0], client[1])}  # direction: (source, target)
        self.writers = (client[1], server[1])
        self.allowance: dict[str, int] = {}
        self.task = asyncio.current_task()

    def cut(self) -> None:
        for writer in self.writers:
            with contextlib.suppress(OSError):  # the socket is closed already
                # With SO_LINGER 0 the kernel sends RST instead of FIN when the socket is closed.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        if self.task is not None:
            self.task.cancel()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for direction in (UP, DOWN):
                    # The queue is limited: a receiver that does not read slows down the sender, as on a real network.
                    queue: asyncio.Queue = asyncio.Queue(64)
                    group.create_task(self._read(direction, queue))
                    group.create_task(self._write(direction, queue))
        except* OSError:
            pass  # one side has closed its connection: the other one is closed below
        except* asyncio.CancelledError:
            pass
        finally:
            for writer in self.writers:
                writer.transport.abort()

    async def _read(self, direction: str, queue: asyncio.Queue) -> None:
        reader, _ = self.ends[direction]
        loop, due = asyncio.get_running_loop(), 0.0
        while True:
            data = await reader.read(64 * 1024)
            if direction == UP and self.proxy.no_upgrades:
                data = re.sub(rb"(?i)\r\nupgrade: *websocket", b"\r\nX-Upgrade: none", data)
            wait = self.proxy.delay + random.uniform(-self.proxy.jitter, self.proxy.jitter)
            due = max(due, loop.time() + wait)
            await queue.put((due, data))
            if not data:
                return

    async def _write(self, direction: str, queue: asyncio.Queue) -> None:
        _, writer = self.ends[direction]
        loop = asyncio.get_running_loop()
        while True:
            due, data = await queue.get()
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
                # Wait until the allowed bytes are sent: an abort discards the write buffer.
                await asyncio.sleep(0.05)
                self.cut()
