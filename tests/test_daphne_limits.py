"""Tests of the time limit for the headers of a request.

They use Twisted's HTTP protocol and a clock that the test moves forward.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.http import HTTPChannel, Request

from messenger.daphne_limits import limit_header_time


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
