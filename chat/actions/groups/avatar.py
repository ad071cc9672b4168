"""Sets and removes the avatar of a group."""

from __future__ import annotations

from functools import partial
from typing import BinaryIO

from django.db import transaction

from accounts import avatars
from chat.actions.groups.settings import publish_conversation_info
from chat.actions.transaction import conversation_transaction
from chat.models import Conversation
from chat.schemas import ConversationSchema
from chat.selectors import conversation_schemas
from messenger.core import rate_limits

FOLDER = "rooms"  # in the storage of avatars


def set_group_avatar(user_id: int, conversation_id: int, upload: BinaryIO, size: int) -> ConversationSchema:
    """Sets the picture of a group (avatar) and returns the conversation. `size` is the size of `upload` in bytes.

    Only the owner and admins of the group may do this.
    """
    with conversation_transaction(conversation_id, user_id) as tx:  # checked before the image is decoded
        tx.require_allowed("change_group")
    rate_limits.require("picture", user_id)
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
    """Makes the stored file `name` the avatar of a group and deletes the old file after commit.

    An empty `name` removes the avatar.
    """
    with conversation_transaction(conversation_id, user_id) as tx:
        tx.require_allowed("change_group")
        conversation, membership = tx.conversation, tx.membership
        assert membership
        old_name, storage = conversation.avatar.name or "", conversation.avatar.storage
        if old_name != name:
            conversation.avatar = name
            tx.mark_changed("avatar")
            tx.record_act("group.picture", conversation)
            tx.add_system_message(membership.user, "pictured", new="picture" if name else "")
            publish_conversation_info(tx)
            if old_name:
                transaction.on_commit(partial(storage.delete, old_name), robust=True)
        membership.conversation = conversation
        return conversation_schemas([membership], user_id)[0]
