"""Checks of the running site through its public URL, as a browser sees it: TLS, the reverse proxy, the WebSocket."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from django.conf import settings
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from messenger.live.handshake import NOT_SIGNED_IN
from messenger.maintenance.doctor import Finding, clocks, error, ok, one_line, warning

PAGE = "/accounts/login/"
SECONDS = 10
CERTIFICATE_DAYS = 14
PROXY = "Compare the configuration of the proxy with docs/running.md"


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_args: object) -> None:
        return None


_opener = build_opener(_NoRedirects, ProxyHandler({}))


def check(url: str) -> Iterator[Finding]:
    """Opens the sign-in page, a style sheet and a WebSocket at the public URL. `url` is without a path."""
    url = url.rstrip("/")
    try:
        response = _get(url + PAGE)
    except (OSError, HTTPException) as exception:
        yield error("public URL", f"{url}: {_reason(exception)}", _advice(exception))
        return
    if response.status in (301, 302, 307, 308) and urljoin(url + PAGE, response.headers["Location"]) == url + PAGE:
        yield error(
            "public URL",
            f"{url} redirects to itself for ever",
            "The proxy must send X-Forwarded-Proto, and TRUSTED_PROXIES must contain its address.",
        )
        return
    if response.status != 200:
        yield error("public URL", f"{url}{PAGE} answers {response.status}", _advice_for_status(response.status))
        return
    if date := response.headers["Date"]:
        yield from clocks.compare("the public site", parsedate_to_datetime(date).timestamp(), resolution=1)
    page = response.read().decode(errors="replace")
    yield from _style_sheet(url, page)
    yield from _certificate(url)
    yield ok("public URL", f"{url}{PAGE} is shown")
    yield from _socket(url)


def _style_sheet(url: str, page: str) -> Iterator[Finding]:
    sheet = re.search(r'href="([^"]+\.css)"', page)
    if not sheet:
        yield error("public URL", f"{url}{PAGE} is not a page of the messenger", "Correct SITE_URL, or the proxy.")
        return
    response = _get(urljoin(url, sheet[1]))
    if response.status != 200 or not response.headers["Content-Type"].startswith("text/css"):
        yield error(
            "public URL",
            f"the style sheet {sheet[1]} answers {response.status}",
            "Run: messenger collectstatic --no-input, restart the server, and let the proxy forward /static/.",
        )


def _certificate(url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    if parts.scheme != "https":
        return
    context = ssl.create_default_context()
    address = (parts.hostname or "", parts.port or 443)
    plain = socket.create_connection(address, timeout=SECONDS)
    with context.wrap_socket(plain, server_hostname=parts.hostname) as stream:
        expires = ssl.cert_time_to_seconds(str((stream.getpeercert() or {}).get("notAfter")))
    days = (expires - time.time()) / 86400
    if days < CERTIFICATE_DAYS:
        yield warning("certificate", f"ends in {days:.0f} days", "Renew it, and check what should have renewed it.")
    else:
        yield ok("certificate", f"is valid for {days:.0f} days")


def _socket(url: str) -> Iterator[Finding]:
    """Opens a WebSocket without signing in. The server accepts and closes it with code 4401."""
    address = url.replace("http", "ws", 1) + "/ws/v1/"
    try:
        with connect(address, origin=Origin(url), open_timeout=SECONDS, close_timeout=2, proxy=None) as websocket:
            websocket.recv(SECONDS)
            code = 1000
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else 1006
    except InvalidStatus as refused:
        yield _refused_socket(address, refused)
        return
    except (OSError, InvalidHandshake, TimeoutError) as exception:
        yield error("WebSocket", f"{address}: {one_line(exception)}", f"{PROXY}: it must forward upgrades.")
        return
    if code == NOT_SIGNED_IN:
        yield ok("WebSocket", f"{address} can be opened")
    else:
        yield error("WebSocket", f"{address} was closed with code {code}", "The log of the server says why.")


def _refused_socket(address: str, refused: InvalidStatus) -> Finding:
    status = refused.response.status_code
    body = (refused.response.body or b"").decode(errors="replace").strip()
    if status == 403:
        reason = body if body and len(body) < 200 and "<" not in body else "host, origin or TLS do not fit SITE_URL"
        return error(
            "WebSocket",
            f"{address} was refused: {reason}",
            f"SITE_URL is {settings.SITE_URL}. The proxy must send the headers Host and X-Forwarded-Proto, and its"
            " address must be in TRUSTED_PROXIES.",
        )
    return error(
        "WebSocket",
        f"{address} answers {status} instead of switching to the WebSocket protocol",
        f"{PROXY}: it must forward the headers Upgrade and Connection, with HTTP/1.1.",
    )


def _get(url: str) -> HTTPResponse:
    request = Request(url, headers={"User-Agent": "messenger doctor"})
    try:
        return _opener.open(request, timeout=SECONDS)
    except HTTPError as response:
        return response  # type: ignore[return-value]


def _reason(exception: BaseException) -> str:
    return one_line(_cause(exception))


def _cause(exception: BaseException) -> BaseException:
    reason = getattr(exception, "reason", None)  # of URLError
    return reason if isinstance(reason, Exception) else exception


def _advice(exception: BaseException) -> str:
    cause = _cause(exception)
    if isinstance(cause, ssl.SSLError):
        return "Give the proxy a certificate for this host that browsers trust, with its whole chain."
    if isinstance(cause, socket.gaierror):
        return "Create a DNS record for the host, or correct SITE_URL."
    return "Start the server and the proxy, and open the port in the firewall."


def _advice_for_status(status: int) -> str:
    if status == 400:
        return "The proxy must pass on the header Host, and SITE_URL or EXTRA_HOSTS must contain this host."
    if status in (502, 503, 504):
        return "The proxy does not reach the server. Start it (messenger serve), or correct its address in the proxy."
    return "The log of the server says why."
