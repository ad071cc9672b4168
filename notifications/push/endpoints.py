"""Checks the addresses of push services. They come from browsers, so anybody can choose them.

The server sends requests to these addresses. Without a check, somebody could make it send requests to machines that
only the server can reach (server-side request forgery). Here the form of the address is checked when it is stored;
`push.transport` checks the IP address of each connection.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

MAX_LENGTH = 2000
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def find_error(endpoint: str) -> str | None:
    """Returns why the server must not send push messages to this address, in the language of the user, or None."""
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return _("This isn’t the address of a push service.")
    is_plain = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint and "\\" not in endpoint
    if len(endpoint) > MAX_LENGTH or not is_plain or not host or parts.username is not None:
        return _("This isn’t the address of a push service.")
    if settings.PUSH_TO_LOOPBACK and host in LOOPBACK_HOSTS:
        return None
    if parts.scheme != "https" or port not in (None, 443):
        return _("This isn’t the address of a push service.")
    if _is_ip_address(host) or "." not in host or host.endswith((".local", ".internal", ".localhost", ".")):
        return _("This isn’t the address of a push service.")
    return None


def is_allowed_address(address: str) -> bool:
    """Returns whether the server may connect to this IP address: it is public, or a loopback address in tests."""
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return (ip.is_global and not ip.is_multicast) or (settings.PUSH_TO_LOOPBACK and ip.is_loopback)


def _is_ip_address(host: str) -> bool:
    """Returns whether a host is an IP address, in any notation that a resolver accepts (such as 0x7f.1)."""
    try:
        ip_address(host)
        return True
    except ValueError:
        last = host.rpartition(".")[2]
        return last.isdigit() or last.startswith("0x")
