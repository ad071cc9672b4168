"""Reads the presence of a user's contacts: whether they are online."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import Relationship, User
from presence.schemas import PresenceSchema
from presence.tracker import get_tracker
from presence.visibility import list_visible_presence


def contact_presence(viewer: User, relationships: Iterable[Relationship]) -> dict[int, PresenceSchema]:
    """Returns by user id whether each contact of `viewer` is online, as far as the contacts' privacy settings allow it.

    Users with a contact request that is not accepted are left out.
    """
    user_ids = [row.person_id for row in relationships if row.visible_state == Relationship.State.CONTACT]
    if not user_ids:
        return {}
    online = get_tracker().get_online_users(user_ids)
    return {presence.user_id: presence for presence in list_visible_presence(viewer, user_ids, online)}
