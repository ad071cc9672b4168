"""Actions that ban IP addresses and networks from the site, and lift such bans."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address, ip_network

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import address_bans
from accounts.actions.rights import end_row, require_permission
from accounts.models import AddressBan
from audit import actions as audit
from messenger.core.client_ip import get_current_ip
from messenger.core.database import write_transaction
from messenger.core.errors import invalid

# Larger networks would exclude whole countries. Length of the prefix, by version of IP.
SHORTEST_PREFIX = {4: 12, 6: 24}


def ban_address(moderator_id: int, network: str, reason: str = "", until: datetime | None = None) -> AddressBan:
    """Bans an IP address (`203.0.113.7`) or a network (`203.0.113.0/24`): requests and sockets from it are refused.

    Open sockets are closed within seconds. A single IPv6 address bans its /64 network, because one customer has it all.
    Raises `invalid` for a network that is too large, or that contains the address of the moderator.
    """
    require_permission(moderator_id, "accounts.add_addressban")
    parsed = parse_network(network)
    own_address = get_current_ip()
    if own_address and ip_address(own_address) in parsed:
        raise invalid(network=_("You are using this address yourself."))
    with write_transaction():
        values = {"reason": reason, "until": until, "moderator_id": moderator_id}
        ban, _created = AddressBan.objects.update_or_create(
            network=str(parsed),
            lifted_at=None,
            defaults=values,
            create_defaults=values | {"created_at": timezone.now()},
        )
        after = {"network": ban.network, "until": until.isoformat() if until else None}
        audit.record("address.ban", moderator_id, ban, after=after, reason=reason)
        transaction.on_commit(address_bans.refresh, robust=True)
    return ban


def lift_ban(moderator_id: int, ban_id: int, reason: str = "") -> None:
    """Ends an address ban. Does nothing if it has ended already."""
    require_permission(moderator_id, "accounts.add_addressban")
    with write_transaction():
        ban, has_changed = end_row(AddressBan, ban_id, "lifted_at")
        if has_changed:
            audit.record("address.lift", moderator_id, ban, before={"network": ban.network}, reason=reason)
            transaction.on_commit(address_bans.refresh, robust=True)


def parse_network(text: str) -> address_bans.Network:
    """Returns the network that a moderator has typed. Raises `invalid` if there is none, or if it is too large."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise invalid(network=_("Enter an IP address, or a network such as 203.0.113.0/24.")) from None
    if network.version == 6 and network.prefixlen == 128:
        network = network.supernet(new_prefix=64)
    if network.prefixlen < SHORTEST_PREFIX[network.version]:
        raise invalid(network=_("This network is too large."))
    return network
