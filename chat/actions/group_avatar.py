"""The picture of a group."""

from __future__ import annotations

from functools import partial
from typing import BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import avatars
from chat.actions.groups import group_only, tell_info
from chat.actions.transaction import Ledger, changing
from chat.models import Conversation
from chat.schemas import ConversationSchema
from chat.selectors import conversation_schemas
from messenger.core import rate_limits
from messenger.core.errors import rate_limited

FOLDER = "rooms"
PICTURES, PICTURES_PER_SECOND = 5, 1 / 60  # given by one person: decoding them is work


def set_picture(user_id: int, conversation_id: int, upload: BinaryIO, size: int) -> ConversationSchema:
    """Give a group a picture. `size` is in bytes."""
    with changing(conversation_id, user_id) as ledger:  # before any work is done for whoever may not
        _may(ledger)
    if wait := rate_limits.acquire(f"picture.{user_id}", PICTURES, PICTURES_PER_SECOND):
        raise rate_limited(wait)
    picture = avatars.redrawn(upload, size)
    storage = Conversation._meta.get_field("avatar").storage
    name = storage.save(f"{FOLDER}/{picture.name}", picture)
    try:
        return _replace(user_id, conversation_id, name)
    except BaseException:
        storage.delete(name)
        raise


def remove_picture(user_id: int, conversation_id: int) -> ConversationSchema:
    return _replace(user_id, conversation_id, "")


def _replace(user_id: int, conversation_id: int, name: str) -> ConversationSchema:
    with changing(conversation_id, user_id) as ledger:
        _may(ledger)
        conversation, row = ledger.conversation, ledger.membership
        assert row
        old, storage = conversation.avatar.name or "", conversation.avatar.storage
        if old != name:
            conversation.avatar = name
            ledger.changed("avatar")
            ledger.system_line(row.user, "pictured", new="picture" if name else "")
            tell_info(ledger)
            if old:
                transaction.on_commit(partial(storage.delete, old), robust=True)
        row.conversation = conversation
        return conversation_schemas([row], user_id)[0]


def _may(ledger: Ledger) -> None:
    group_only(ledger)
    ledger.require(ledger.leads, _("Only the owner and admins may change this."))
