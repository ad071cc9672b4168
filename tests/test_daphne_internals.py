"""Tests of the private parts of daphne, Twisted and autobahn that messenger.core.daphne_internals replaces.

Those of the time limit for headers use Twisted's HTTP protocol and a clock that the test moves forward.
"""

from __future__ import annotations

import hashlib
import inspect
import subprocess
import sys
import tempfile
from pathlib import Path

import autobahn.websocket.protocol
import daphne.endpoints
import daphne.http_protocol
import daphne.server
import daphne.ws_protocol
import pytest
import twisted.internet.abstract
import twisted.protocols.policies
import twisted.web.http
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.http import HTTPChannel, Request

from messenger.core.daphne_internals import limit_header_time
from tests.conftest import require_program
from tests.databases import ROOT, production_environment


class Answer(Request):
    def process(self) -> None:
        self.write(b"")
        self.finish()


class Connection:
    """A connection to a server that closes it after 60 seconds without a request."""

    def __init__(self) -> None:
        class LimitedChannel(HTTPChannel):
            pass

        limit_header_time(LimitedChannel)
        self.clock, self.transport, self.channel = Clock(), StringTransport(), LimitedChannel()
        self.channel.requestFactory, self.channel.timeOut, self.channel.callLater = Answer, 60, self.clock.callLater
        self.channel.makeConnection(self.transport)

    def send_slowly(self, pieces: list[bytes]) -> float:
        """Sends one piece every ten seconds until the server closes the connection.

        Returns the seconds that the connection was open.
        """
        for piece in pieces:
            if self.transport.disconnecting:
                break
            self.channel.dataReceived(piece)
            self.clock.advance(10)
        return self.clock.seconds()


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: "])
@pytest.mark.parametrize("piece", [b"a", b"a: b\r\n"])
def test_a_client_that_sends_headers_slowly_is_disconnected(start, piece):
    assert Connection().send_slowly([start, *[piece] * 20]) <= 60


def test_a_second_request_has_the_same_time():
    connection = Connection()
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert connection.send_slowly([request] * 10) == 100
    assert connection.send_slowly([b"G"] * 20) == pytest.approx(100 + 60, abs=10)


def test_a_body_may_arrive_slowly():
    connection = Connection()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 21\r\n\r\n"
    assert connection.send_slowly([head, *[b"a"] * 20]) == 210
    assert not connection.transport.disconnecting


def digest(part: object) -> str:
    return hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:12]  # type: ignore[arg-type]


# Source texts that daphne_internals replaces, calls or relies on. If a new version of a library changes one, read the
# difference, decide whether daphne_internals still does the right thing (or is not needed any more), and write the new
# digest here.
PRIVATE_PARTS = {
    daphne.http_protocol.WebRequest.process: "e9babd1c97ce",
    daphne.http_protocol.WebRequest.__init__: "ec85d9f2a762",
    daphne.server.Server.handle_reply: "9d9dbaea6de0",
    daphne.server.Server.create_application: "f1e300b4ecf6",
    daphne.ws_protocol.WebSocketFactory.__init__: "59c33925b848",
    daphne.ws_protocol.WebSocketProtocol.serverReject: "7166e95b99f2",
    daphne.ws_protocol.WebSocketProtocol.serverClose: "8302150efac6",
    daphne.endpoints.build_endpoint_description_strings: "dc68b103e5ff",
    twisted.web.http.Request.gotLength: "1c389b99da50",
    twisted.web.http.Request.handleContentChunk: "6e942756afb7",
    twisted.web.http.HTTPChannel.dataReceived: "152316e9ce50",
    twisted.protocols.policies.TimeoutMixin.resetTimeout: "7a0b5ed479c2",
    twisted.internet.abstract.FileDescriptor.write: "3e46c97fc173",
    twisted.internet.abstract.FileDescriptor.doWrite: "a986d7b1b105",
    autobahn.websocket.protocol.WebSocketProtocol.sendCloseFrame: "a511406d6b0d",
    autobahn.websocket.protocol.WebSocketProtocol.sendData: "5dcca425b048",
    autobahn.websocket.protocol.WebSocketServerProtocol.sendHttpErrorResponse: "cea44d9c8acc",
    autobahn.websocket.protocol.WebSocketServerFactory.setProtocolOptions: "59adf65f9d31",
}


def list_changed_parts() -> dict[str, str]:
    return {part.__qualname__: digest(part) for part, known in PRIVATE_PARTS.items() if digest(part) != known}


def test_no_private_part_that_is_relied_on_has_changed():
    # In a process of its own, in which no other test has replaced these parts.
    code = "from tests.test_daphne_internals import list_changed_parts; print(list_changed_parts())"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout.strip() == "{}", f"read what has changed before you update the digests\n{ended.stderr}"


@pytest.mark.parametrize(("server", "is_loaded"), [("daphne", True), ("uvicorn", False)])
def test_the_module_is_loaded_only_under_daphne(server, is_loaded):
    code = (
        "import sys, messenger.asgi; from messenger.live.transport import transport_for; transport_for(print);"
        "print('messenger.core.daphne_internals' in sys.modules, 'twisted' in sys.modules)"
    )
    environment = production_environment(SERVER=server, DATA_DIR=tempfile.mkdtemp())
    ended = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout.split() == [str(is_loaded)] * 2, ended.stderr


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_two_thousand_connections_may_wait_to_be_accepted(site, server):
    require_program("ss", "iproute2")
    port = site.start(server).port
    listening = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True).stdout.split()
    somaxconn = int(Path("/proc/sys/net/core/somaxconn").read_text())
    assert int(listening[2]) == min(2048, somaxconn)
