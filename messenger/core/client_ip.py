"""From which address a request comes. X-Forwarded-For is believed only from TRUSTED_PROXIES."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address, ip_network

from django.conf import settings


@cache
def _trusted(names: tuple[str, ...]) -> list:
    return [ip_network(name, strict=False) for name in names]


def is_trusted_proxy(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in _trusted(tuple(settings.TRUSTED_PROXIES)))


def client_ip(peer: str | None, forwarded_for: str = "") -> str:
    """The nearest address that is not one of our proxies. `peer` is the other end of the TCP connection.

    The list is read from its right end: what stands further left was written by whoever we do not trust.
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
    return client_ip(request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR", ""))
