"""Sets and removes the avatar of a group."""

from __future__ import annotations

from functools import partial
from typing import BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import avatars
from chat.actions.groups import publish_conversation_info, require_group
from chat.actions.transaction import ConversationTransaction, conversation_transaction
from chat.models import Conversation
from chat.schemas import ConversationSchema
from chat.selectors import conversation_schemas
from messenger.core import rate_limits
from messenger.core.errors import rate_limited

FOLDER = "rooms"  # in the storage of avatars
UPLOAD_BURST, UPLOADS_PER_SECOND = 5, 1 / 60  # per user; decoding an image is expensive


def set_group_avatar(user_id: int, conversation_id: int, upload: BinaryIO, size: int) -> ConversationSchema:
    """Sets the avatar of a group. `size` is in bytes."""
    with conversation_transaction(conversation_id, user_id) as tx:  # checked before the image is decoded
        _require_permission(tx)
    if wait := rate_limits.acquire(f"picture.{user_id}", UPLOAD_BURST, UPLOADS_PER_SECOND):
        raise rate_limited(wait)
    avatar = avatars.make_avatar(upload, size)
    storage = Conversation._meta.get_field("avatar").storage
    name = storage.save(f"{FOLDER}/{avatar.name}", avatar)
    try:
        return _replace_avatar(user_id, conversation_id, name)
    except BaseException:
        storage.delete(name)
        raise


def remove_group_avatar(user_id: int, conversation_id: int) -> ConversationSchema:
    return _replace_avatar(user_id, conversation_id, "")


def _replace_avatar(user_id: int, conversation_id: int, name: str) -> ConversationSchema:
    """`name`: the new file in the storage, empty for none. The old file is deleted after commit."""
    with conversation_transaction(conversation_id, user_id) as tx:
        _require_permission(tx)
        conversation, membership = tx.conversation, tx.membership
        assert membership
        old_name, storage = conversation.avatar.name or "", conversation.avatar.storage
        if old_name != name:
            conversation.avatar = name
            tx.mark_changed("avatar")
            tx.add_system_message(membership.user, "pictured", new="picture" if name else "")
            publish_conversation_info(tx)
            if old_name:
                transaction.on_commit(partial(storage.delete, old_name), robust=True)
        membership.conversation = conversation
        return conversation_schemas([membership], user_id)[0]


def _require_permission(tx: ConversationTransaction) -> None:
    require_group(tx)
    tx.require(tx.is_admin_or_owner, _("Only the owner and admins can change this."))
