"""Edits, deletes and pins messages, and adds and removes reactions. Sending is in `chat.actions.sending`."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from functools import cache, partial

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.schemas import UserSchema, user_schema
from accounts.selectors import privacy
from accounts.usernames.rules import skeleton
from chat import events, tasks
from chat.actions import direct_rules, legal_holds, search_index, word_filter
from chat.actions.rendering import RenderedText, TextSource, render_text
from chat.actions.transaction import ConversationTransaction, conversation_transaction, message_transaction
from chat.actions.validation import check_body, find_named_members
from chat.attachments import message_files
from chat.models import Membership, Mention, Message, Reaction, Revision
from chat.permissions import may_mention_everybody
from chat.schemas import MentionSchema, MessageSchema, message_schema, mine_schema
from chat.selectors import count_unread_mentions, list_member_ids, messages_with_relations
from chat.text.language import is_single_emoji, normalize_emoji
from chat.text.markdown import find_mention_keys, has_at_sign
from chat.view_models.rendered_messages import rendered_messages
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError, invalid, not_found
from messenger.live.events import UserEvent

MAX_EMOJI_PER_MESSAGE = 50  # different emoji, from all users
MAX_REACTIONS_PER_USER = 20  # on one message


# ── Edit ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def edit_message(user_id: int, message_id: int, body: str) -> MessageSchema:
    """Replaces the text of a message that the user has sent, and keeps the previous text as a revision.

    Returns the message. Forwarded messages cannot be edited.
    """
    check_body(body, may_be_blank=True)
    rate_limits.require("edit", user_id)
    conversation_id = Message.objects.filter(pk=message_id).values_list("conversation_id", flat=True).first()
    filtered = word_filter.clean(body, conversation_id)
    body = filtered.body
    mention_keys = find_mention_keys(body)
    rendered_ahead = _render_edit_ahead(user_id, message_id, body, mention_keys)
    if rendered_ahead is not None:
        mention_keys = set(rendered_ahead.source.members)
    with message_transaction(message_id, user_id) as (tx, message):
        require_not_deleted(message)
        _require_open_pair(tx)
        tx.require_allowed_with(message, "edit")
        check_body(body, may_be_blank=bool(message.files))
        if body == message.body:
            return message_schema(message)
        Revision.objects.create(
            message=message,
            body=message.body,
            body_html=message.body_html,
            written_at=message.edited_at or message.created_at,
        )
        everybody = may_mention_everybody(tx.conversation.kind, tx.role)
        rendered = render_text(_edited_text(message, body, mention_keys, everybody), rendered_ahead)
        message.body, message.body_html, message.edited_at = body, rendered.html, tx.now
        mentions = rendered.mentions
        message.mentions = [{"user_id": m.user_id, "start": m.start, "end": m.end} for m in mentions]
        tx.save_message(message, "body", "body_html", "mentions", "edited_at")
        search_index.update_message(message)
        schema = _publish_update(tx, message)
        update_mentions(tx, message, schema, mentions)
        if filtered.flagged_words:
            tasks.flag_message.enqueue(message.pk, ", ".join(filtered.flagged_words))
        return schema


def _render_edit_ahead(user_id: int, message_id: int, body: str, mention_keys: set[str]) -> RenderedText | None:
    """Renders the new text of a message before the conversation is locked. See chat.actions.rendering."""
    message = Message.objects.filter(pk=message_id, sender_id=user_id).select_related("conversation").first()
    if message is None:
        return None
    membership = Membership.objects.filter(conversation_id=message.conversation_id, user_id=user_id, left_at=None)
    role = membership.values_list("role", flat=True).first() or ""
    everybody = may_mention_everybody(message.conversation.kind, role)
    return render_text(_edited_text(message, body, mention_keys, everybody))


def _edited_text(message: Message, body: str, mention_keys: set[str], everybody: bool) -> TextSource:
    """Returns the new text of a message, with what its rendering depends on: whom it may mention.

    `mention_keys` are the normalized user names in the text. `everybody` is True if the author may mention `@all`.
    """
    if not has_at_sign(body):
        return TextSource(body)
    members = find_named_members({message.conversation_id: mention_keys}).get(message.conversation_id, {})
    mentioned_everybody = any(mention["user_id"] is None for mention in message.mentions)
    return TextSource(body, members | _find_users_mentioned_before(message), everybody or mentioned_everybody)


def _find_users_mentioned_before(message: Message) -> dict[str, UserSchema]:
    """Returns the users whom the message mentions before an edit, by the normalized user names in the old text.

    If such a name is also in the new text, it mentions the same user. This is so even if the user has left the group or
    changed the name since, or if another user has this name now.
    """
    ids = {
        skeleton(message.body[mention["start"] + 1 : mention["end"]]): mention["user_id"]
        for mention in message.mentions
        if mention["user_id"] is not None
    }
    users = User.objects.in_bulk(set(ids.values())) if ids else {}
    return {name: user_schema(users[pk]) for name, pk in ids.items() if pk in users and users[pk].is_active}


def _publish_update(tx: ConversationTransaction, message: Message) -> MessageSchema:
    schema = message_schema(message)
    tx.publish(events.message_updated(schema))
    return schema


def update_mentions(
    tx: ConversationTransaction, message: Message, schema: MessageSchema, mentions: list[MentionSchema]
) -> None:
    """Stores the mentions of an edited message, and notifies users whom the message did not mention before.

    A mention does not count if the sender or the mentioned user has blocked the other. But the devices of the mentioned
    user have counted it already. So this user gets the event `mine.updated` with the right number of unread mentions.
    """
    old_ids = set(Mention.objects.filter(message=message).values_list("user_id", flat=True))
    new_ids = find_mentioned_user_ids(tx.conversation.pk, message.sender_id, mentions)
    Mention.objects.filter(message=message, user_id__in=old_ids - new_ids).delete()
    blocked_ids = _list_mentioned_ids(tx.conversation.pk, mentions) - new_ids - {message.sender_id}
    _publish_mention_counts(tx, message, old_ids ^ new_ids | blocked_ids)
    added_ids = sorted(new_ids - old_ids)
    Mention.objects.bulk_create(
        Mention(message=message, user_id=user_id, conversation_id=message.conversation_id, seq=message.seq)
        for user_id in added_ids
    )
    tx.publish(*[events.user_mentioned(user_id, schema) for user_id in added_ids])


def _publish_mention_counts(tx: ConversationTransaction, message: Message, user_ids: set[int]) -> None:
    """Publishes the new number of unread mentions (event `mine.updated`) to some members.

    These are the users in `user_ids` who have not read `message` yet.
    """
    memberships = Membership.objects.filter(
        conversation_id=message.conversation_id, user_id__in=user_ids, left_at=None, read_seq__lt=message.seq
    )
    publish_member_states(tx, list(memberships.select_related("conversation")))


def publish_member_states(tx: ConversationTransaction, memberships: list[Membership]) -> None:
    """Publishes the event `mine.updated` to these members. The conversation of each membership must be loaded."""
    # One query counts for all users. It is made when the first event is built, at the end of the transaction.
    counts = cache(lambda: count_unread_mentions(memberships))

    def member_state_event(membership: Membership) -> UserEvent:
        key = (membership.conversation_id, membership.user_id)
        member_state = mine_schema(membership, tx.conversation, counts().get(key, 0))
        return events.mine_updated(membership.user_id, membership.conversation_id, member_state)

    for membership in memberships:
        tx.publish_to_user(membership, member_state_event)


def publish_mention_counts_of_sender(user_id: int, sender_id: int) -> None:
    """Publishes to a user the numbers of unread mentions that a block or unblock of this sender has changed.

    Nothing is published to the sender, whose counts stay: a change would reveal the block. Call this after the commit.
    """
    mentions = Mention.objects.filter(user_id=user_id, message__sender_id=sender_id)
    newest = mentions.values_list("conversation_id").annotate(newest=Max("seq")).order_by("conversation_id")
    for conversation_id, seq in newest:
        # A user who has left the conversation has no count in it.
        with suppress(ApplicationError), conversation_transaction(conversation_id, user_id) as tx:
            if tx.membership and tx.membership.read_seq < seq:
                tx.membership.conversation = tx.conversation
                publish_member_states(tx, [tx.membership])


def find_mentioned_user_ids(conversation_id: int, sender_id: int, mentions: list[MentionSchema]) -> set[int]:
    """Returns the ids of the users to notify of a message that mentions them; for `@all`, all members.

    Never includes the sender, users who have blocked the sender, and users whom the sender has blocked.
    """
    user_ids = _list_mentioned_ids(conversation_id, mentions)
    return user_ids - {sender_id} - privacy.blocked_user_ids(sender_id) if user_ids else user_ids


def _list_mentioned_ids(conversation_id: int, mentions: list[MentionSchema]) -> set[int]:
    user_ids = {mention.user_id for mention in mentions if mention.user_id is not None}
    if any(mention.user_id is None for mention in mentions):
        user_ids |= set(list_member_ids(conversation_id))
    return user_ids


# ── Delete ───────────────────────────────────────────────────────────────────────────────────────────────────────
# The values of the fields of a message whose content was removed for good.
WIPED_FIELDS = {
    **{"body": "", "body_html": "", "mentions": [], "files": []},
    **dict.fromkeys(("reply_to", "forwarded_sender", "forwarded_at", "hidden_by")),
}


def delete_message(user_id: int, message_id: int) -> MessageSchema:
    """Deletes a message for all members and returns the deleted message.

    If the sender deletes the message, its content is removed permanently. If an admin or the owner deletes it, its
    content is kept, so that a moderator can restore the message.
    """
    rate_limits.require("delete", user_id)
    with message_transaction(message_id, user_id) as (tx, message):
        tx.require_allowed_with(message, "delete")
        is_sender = message.sender_id == user_id
        if message.deleted_at:
            # The sender deletes a message that an admin had hidden. Readers see no change, so no event is published.
            if is_sender and message.hidden_by_id:
                wipe_content(message)
                message.save(update_fields=WIPED_FIELDS)
                _remove_from_cache(tx)
            return message_schema(message)
        if not is_sender:
            tx.record_act("message.delete", message)
        return delete_locked_message(tx, message, wipe=is_sender, by_id=user_id)


def delete_locked_message(tx: ConversationTransaction, message: Message, *, wipe: bool, by_id: int) -> MessageSchema:
    """Deletes a message in the open transaction `tx` and publishes the event `message.updated`.

    `tx` has locked the conversation of the message. Permission is not checked. With `wipe`, the content of the message
    is removed permanently. Without `wipe`, the content is kept, so that the message can be restored, and `by_id` is
    stored as the id of the user who hid the message.
    """
    message.deleted_at, message.pinned_at = tx.now, None
    fields = ["deleted_at", "pinned_at"]
    mentioned_ids = set(Mention.objects.filter(message=message).values_list("user_id", flat=True))
    Mention.objects.filter(message=message).delete()
    _publish_mention_counts(tx, message, mentioned_ids)
    if wipe:
        wipe_content(message)
        fields += WIPED_FIELDS
    else:
        message.hidden_by_id = by_id
        fields.append("hidden_by")
    tx.save_message(message, *fields)
    _remove_from_cache(tx)
    search_index.update_message(message)
    return _publish_update(tx, message)


def _remove_from_cache(tx: ConversationTransaction) -> None:
    """Removes the HTML of the deleted message, and of messages that quote it, from the memory of this process."""
    transaction.on_commit(partial(rendered_messages.remove_conversation, tx.conversation.pk))


def wipe_content(message: Message) -> None:
    """Removes the content, files, revisions (earlier texts) and reactions of a message permanently.

    Under a legal hold, a copy stays for staff with the permission. The caller must save the fields `WIPED_FIELDS` of
    the message.
    """
    is_kept = legal_holds.keep_copy(message)
    if message.files:
        message_files.delete_message_files(message, keeps_files=is_kept)
    for name, value in WIPED_FIELDS.items():
        setattr(message, name, copy(value))
    Revision.objects.filter(message=message).delete()
    Reaction.objects.filter(message=message).delete()


# ── React and pin ────────────────────────────────────────────────────────────────────────────────────────────────
def set_reaction(user_id: int, message_id: int, emoji: str, active: bool) -> MessageSchema:
    """Adds a user's reaction `emoji` to a message (if `active` is True) or removes it (if False). Returns the message.

    Nothing changes if the reaction is there already, or is not there when it should be removed. The emoji is stored in
    its normal form, so that `❤` and `❤️` are the same reaction.
    """
    emoji = normalize_emoji(emoji)
    if not is_single_emoji(emoji):
        raise invalid(emoji=_("Choose one emoji."))
    rate_limits.require("reaction", user_id)
    with message_transaction(message_id, user_id) as (tx, message):
        require_not_deleted(message)
        tx.require_allowed_with(message, "react")
        reactions = Reaction.objects.filter(message=message)
        own_reaction = reactions.filter(user_id=user_id, emoji=emoji)
        if own_reaction.exists() == active:
            return message_schema(message)
        if active:
            _require_open_pair(tx)
            if reactions.filter(user_id=user_id).count() >= MAX_REACTIONS_PER_USER:
                raise invalid(emoji=_("You can add at most 20 reactions to a message."))
            other_emoji_count = reactions.exclude(emoji=emoji).values("emoji").distinct().count()
            if other_emoji_count >= MAX_EMOJI_PER_MESSAGE:
                raise invalid(
                    emoji=_("A message can have at most %(n)d different reactions.") % {"n": MAX_EMOJI_PER_MESSAGE}
                )
            Reaction.objects.create(message=message, user_id=user_id, emoji=emoji)
        else:
            own_reaction.delete()
        tx.save_message(message)
        return _publish_update(tx, messages_with_relations().get(pk=message.pk))


def set_pinned(user_id: int, message_id: int, active: bool) -> MessageSchema:
    """Pins a message for all members (if `active` is True) or unpins it (if False). Returns the message.

    Nothing changes if the message is pinned or unpinned already.
    """
    rate_limits.require("pin", user_id)
    with message_transaction(message_id, user_id) as (tx, message):
        require_not_deleted(message)
        tx.require_allowed_with(message, "pin")
        if (message.pinned_at is not None) == active:
            return message_schema(message)
        _require_open_pair(tx)
        message.pinned_at = tx.now if active else None
        tx.save_message(message, "pinned_at")
        return _publish_update(tx, message)


# ── Checks ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _require_open_pair(tx: ConversationTransaction) -> None:
    """Raises `ApplicationError` if the member may not write to the other user of a direct conversation.

    The other user sees edits, reactions and pins like a message, so the same rules apply to them. In a group nothing is
    checked.
    """
    assert tx.membership
    tx.membership.conversation = tx.conversation
    direct_rules.require_open_pair(tx.membership)


def require_not_deleted(message: Message) -> None:
    """Raises `not_found` if the message is deleted."""
    if message.deleted_at:
        raise not_found()
