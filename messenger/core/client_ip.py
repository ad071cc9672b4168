"""Finds the IP address of a client. X-Forwarded-For is used only if the request comes from one of TRUSTED_PROXIES."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings

_current_ip: ContextVar[str] = ContextVar("current_ip", default="")


@cache
def _parse_networks(networks: tuple[str, ...]) -> list:
    return [ip_network(network, strict=False) for network in networks]


def is_trusted_proxy(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in _parse_networks(tuple(settings.TRUSTED_PROXIES)))


def client_ip(peer: str | None, forwarded_for: str = "") -> str:
    """Returns the IP address of the client. `peer` is the address at the other end of the TCP connection.

    If `peer` is not one of TRUSTED_PROXIES, it is the client. Otherwise X-Forwarded-For is read from right to left, up
    to the first address that is not a trusted proxy: each trusted proxy appends the address from which it was called.
    Addresses to the left of the result were written by the client and may be false.
    """
    address = peer or "127.0.0.1"
    for hop in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        if not is_trusted_proxy(address):
            break
        try:
            address = str(ip_address(hop))
        except ValueError:
            break
    return address


def request_ip(request) -> str:
    """Returns the IP address of the client that sent this Django request."""
    return client_ip(request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def set_current_ip(address: str) -> None:
    """Remembers the address of the client whose request or command is being handled, for the audit log."""
    _current_ip.set(address)


def get_current_ip() -> str:
    """Returns the address of the client whose request is being handled; "" in tasks and management commands."""
    return _current_ip.get()


def client_network(address: str) -> str:
    """Returns what rate limits count as one address: an IPv4 address, or the /64 network of an IPv6 address.

    A customer of an internet provider has at least one whole /64 network, and can use all addresses in it.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)


def request_network(request) -> str:
    """Returns the `client_network` of the client that sent this Django request. All limits by address count it."""
    return client_network(request_ip(request))
