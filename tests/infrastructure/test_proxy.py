"""Tests of the TCP proxy in tests/proxy.py: it forwards connections and simulates network faults."""

import asyncio
import contextlib
import socket
import threading
import time

import pytest

from tests.proxy import DOWN, UP, Proxy


class Echo:
    """A TCP server that sends its name to each client and then sends back all data that it receives."""

    def __init__(self, name: bytes):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.name = name
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self._echo, args=[connection], daemon=True).start()

    def _echo(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.sendall(self.name)
            while data := connection.recv(65536):
                connection.sendall(data)


@pytest.fixture
def echoes():
    servers = [Echo(b"A"), Echo(b"B")]
    yield servers
    for server in servers:
        server.socket.close()


@pytest.fixture
def proxy(echoes):
    with Proxy(*(echo.port for echo in echoes)) as proxy:
        yield proxy


def client(proxy, timeout=2.0):
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout)


def test_backends_take_turns(proxy):
    with client(proxy) as first, client(proxy) as second:
        assert {first.recv(1), second.recv(1)} == {b"A", b"B"}


def test_a_backend_that_is_down_is_skipped(proxy, echoes):
    proxy.backends = [echoes[0].port, 1]
    for _ in range(3):
        with client(proxy) as connection:
            assert connection.recv(1) == b"A"


def test_a_close_is_forwarded(proxy):
    with client(proxy) as connection:
        connection.recv(1)
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b"last words"
        assert connection.recv(100) == b""
    deadline = time.monotonic() + 2
    while proxy.connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not proxy.connections


def test_cut_resets_all_connections(proxy):
    with client(proxy) as first, client(proxy) as second:
        first.recv(1), second.recv(1)
        assert proxy.cut() == 2
        for connection in (first, second):
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        with client(proxy) as third:
            assert third.recv(1)


def test_cut_after_some_bytes(proxy):
    with client(proxy) as connection:
        connection.recv(1)
        proxy.cut_after(3)
        connection.sendall(b"hello")
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while data := connection.recv(10):
                received += data
        assert received == b"hel"


def test_refusing_closes_new_connections(proxy):
    proxy.refusing = True
    with contextlib.suppress(ConnectionResetError), client(proxy) as connection:
        assert connection.recv(1) == b""


def test_a_paused_connection_is_half_open(proxy):
    with client(proxy, 0.2) as connection:
        connection.recv(1)
        proxy.pause()
        connection.sendall(b"held")
        with pytest.raises(TimeoutError):
            connection.recv(4)
        proxy.resume()
        assert connection.recv(4) == b"held"


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_one_direction_is_dropped(proxy, direction):
    with client(proxy, 0.2) as connection:
        connection.recv(1)
        proxy.drop(direction)
        connection.sendall(b"lost")
        with pytest.raises(TimeoutError):
            connection.recv(4)
        proxy.pass_all()
        connection.sendall(b"found")
        assert connection.recv(5) == b"found"


def test_delay_keeps_the_order(proxy):
    with client(proxy) as connection:
        connection.recv(1)
        proxy.delay, proxy.jitter = 0.05, 0.05
        sent = b"".join(b"%04d" % number for number in range(20))
        begin = time.monotonic()
        for start in range(0, len(sent), 4):
            connection.sendall(sent[start : start + 4])
            time.sleep(0.002)
        received = b""
        while len(received) < len(sent):
            received += connection.recv(100)
        assert received == sent
        assert time.monotonic() - begin > 0.05


async def test_one_byte_at_a_time(proxy):
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    await reader.read(1)
    proxy.chunk = 1
    writer.write(b"slowly")
    assert await reader.readexactly(6) == b"slowly"
    writer.close()


def test_a_client_that_does_not_read_blocks_the_sender(proxy):
    """The TCP proxy for tests has limited buffers.

    If one side does not read, the other side can send only a limited amount.
    """
    with client(proxy) as connection:
        connection.recv(1)
        connection.settimeout(0.5)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 256 * 1024 * 1024:
                sent += connection.send(bytes(65536))
