"""What may become of a message after it was sent."""

from __future__ import annotations

from functools import cache

from django.utils.translation import gettext as _

from accounts.selectors import privacy
from chat import events
from chat.actions import direct_rules
from chat.actions.transaction import Ledger, changing_message
from chat.actions.validation import check_body, members_named
from chat.attachments import message_files as files
from chat.models import Membership, Mention, Message, Reaction, Revision
from chat.schemas import MentionSchema, MessageSchema, message_schema, mine_schema
from chat.selectors import count_unread_mentions, messages_with_relations
from chat.text.language import is_emoji
from chat.text.markdown import render
from messenger.core import rate_limits
from messenger.core.errors import invalid, not_found, rate_limited
from messenger.live.events import UserEvent

KINDS = 50  # of emoji under one message
EDITS, EDITS_PER_SECOND = 20, 1.0  # of one person: each leaves a revision behind


def edit(user_id: int, message_id: int, body: str) -> MessageSchema:
    """Put other words in place of one's own. The earlier ones stay as a revision."""
    check_body(body, may_be_blank=True)
    if wait := rate_limits.acquire(f"edit.{user_id}", EDITS, EDITS_PER_SECOND):
        raise rate_limited(wait)
    with changing_message(message_id, user_id) as (ledger, message):
        must_stand(message)
        _pair_open(ledger)
        ledger.require(message.sender_id == user_id, _("Only the writer may edit a message."))
        ledger.require(message.kind == Message.Kind.TEXT and message.forwarded_at is None)
        check_body(body, may_be_blank=bool(message.files))
        if body == message.body:
            return message_schema(message)
        Revision.objects.create(
            message=message,
            body=message.body,
            body_html=message.body_html,
            written_at=message.edited_at or message.created_at,
        )
        members = members_named([(message.conversation_id, body)]).get(message.conversation_id, {})
        message.body_html, mentions = render(
            body, members, everybody=ledger.leads and ledger.conversation.kind == "group"
        )
        message.body, message.edited_at = body, ledger.now
        message.mentions = [{"user_id": m.user_id, "start": m.start, "end": m.end} for m in mentions]
        ledger.save_message(message, "body", "body_html", "mentions", "edited_at")
        shape = message_schema(message)
        ledger.tell(events.message_updated(shape))
        note_mentions(ledger, message, shape, mentions)
        return shape


def note_mentions(ledger: Ledger, message: Message, shape: MessageSchema, mentions: list[MentionSchema]) -> None:
    """People newly named hear of it; people no longer named have nothing left to find."""
    before = set(Mention.objects.filter(message=message).values_list("user_id", flat=True))
    now = mentioned_ids(ledger.conversation.pk, message.sender_id, mentions)
    Mention.objects.filter(message=message, user_id__in=before - now).delete()
    _recount(ledger, message, before ^ now)
    Mention.objects.bulk_create(
        Mention(message=message, user_id=user_id, conversation_id=message.conversation_id, seq=message.seq)
        for user_id in sorted(now - before)
    )
    ledger.tell(*[events.mentioned(user_id, shape) for user_id in sorted(now - before)])


def _recount(ledger: Ledger, message: Message, user_ids: set[int]) -> None:
    """A mention that came or went after somebody's read mark changes their count, which is theirs alone to hear."""
    rows = list(
        Membership.objects.filter(
            conversation_id=message.conversation_id, user_id__in=user_ids, left_at=None, read_seq__lt=message.seq
        )
    )
    counts = cache(lambda: count_unread_mentions(rows))  # asked when all else is done, once for all

    def recounted(row: Membership) -> UserEvent:
        mine = mine_schema(row, ledger.conversation, counts().get((row.conversation_id, row.user_id), 0))
        return events.mine_updated(row.user_id, row.conversation_id, mine)

    for row in rows:
        ledger.tell_person(row, recounted)


def mentioned_ids(conversation_id: int, sender_id: int, mentions: list[MentionSchema]) -> set[int]:
    """Whom these mentions mean: members, never the writer. `@all` means every member."""
    named = {mention.user_id for mention in mentions if mention.user_id is not None}
    if any(mention.user_id is None for mention in mentions):
        named |= set(members_of(conversation_id))
    return named - {sender_id} - privacy.blocked_with(sender_id) if named else named


def members_of(conversation_id: int) -> list[int]:
    return list(
        Membership.objects.filter(conversation_id=conversation_id, left_at=None).values_list("user_id", flat=True)
    )


def delete(user_id: int, message_id: int) -> MessageSchema:
    """Recall one's own, which wipes it; or, as owner or admin, hide somebody else's."""
    with changing_message(message_id, user_id) as (ledger, message):
        own = message.sender_id == user_id
        if message.deleted_at:
            ledger.require(own or ledger.leads)
            if own and message.hidden_by_id:  # its writer takes back what was only hidden: nobody sees a difference
                wipe_words(message)
                message.save(update_fields=WIPED)
            return message_schema(message)
        ledger.require(message.kind == Message.Kind.TEXT)
        ledger.require(own or ledger.leads, _("Only its writer or an admin may delete this message."))
        return take_away(ledger, message, wipe=own, by_id=user_id)


def take_away(ledger: Ledger, message: Message, *, wipe: bool, by_id: int) -> MessageSchema:
    message.deleted_at, message.pinned_at = ledger.now, None
    fields = ["deleted_at", "pinned_at"]
    named = set(Mention.objects.filter(message=message).values_list("user_id", flat=True))
    Mention.objects.filter(message=message).delete()
    _recount(ledger, message, named)
    if wipe:
        wipe_words(message)
        fields += WIPED
    else:
        message.hidden_by_id = by_id
        fields.append("hidden_by")
    ledger.save_message(message, *fields)
    shape = message_schema(message)
    ledger.tell(events.message_updated(shape))
    return shape


WIPED = ["body", "body_html", "mentions", "files", "reply_to", "forwarded_sender", "forwarded_at", "hidden_by"]


def wipe_words(message: Message) -> None:
    """Gone for good: nobody can restore what its writer recalled."""
    message.body = message.body_html = ""
    message.mentions, message.reply_to, message.forwarded_sender, message.forwarded_at = [], None, None, None
    message.hidden_by = None
    if message.files:
        message.files = []
        files.take_away(message.pk, message.conversation_id)
    Revision.objects.filter(message=message).delete()
    Reaction.objects.filter(message=message).delete()


def react(user_id: int, message_id: int, emoji: str, active: bool) -> MessageSchema:
    """Put one's mark under a message, or take it away. Saying what is already so changes nothing."""
    if not is_emoji(emoji):
        raise invalid(emoji=_("One emoji, please."))
    with changing_message(message_id, user_id) as (ledger, message):
        must_stand(message)
        ledger.require(message.kind == Message.Kind.TEXT)
        mine = Reaction.objects.filter(message=message, user_id=user_id, emoji=emoji)
        if mine.exists() == active:
            return message_schema(message)
        if active:
            _pair_open(ledger)
            if Reaction.objects.filter(message=message, user_id=user_id).count() >= 20:
                raise invalid(emoji=_("Twenty reactions of yours are enough for one message."))
            others = Reaction.objects.filter(message=message).exclude(emoji=emoji)
            if others.values("emoji").distinct().count() >= KINDS:
                raise invalid(emoji=_("One message has room for %(n)d different reactions.") % {"n": KINDS})
            Reaction.objects.create(message=message, user_id=user_id, emoji=emoji)
        else:
            mine.delete()
        ledger.save_message(message)
        shape = message_schema(messages_with_relations().get(pk=message.pk))
        ledger.tell(events.message_updated(shape))
        return shape


def pin(user_id: int, message_id: int, active: bool) -> MessageSchema:
    with changing_message(message_id, user_id) as (ledger, message):
        must_stand(message)
        group = ledger.conversation.kind == "group"
        ledger.require(ledger.leads or not group or ledger.conversation.members_may_pin, _("Only admins may pin here."))
        ledger.require(message.kind == Message.Kind.TEXT)
        if (message.pinned_at is not None) == active:
            return message_schema(message)
        _pair_open(ledger)
        message.pinned_at = ledger.now if active else None
        ledger.save_message(message, "pinned_at")
        shape = message_schema(message)
        ledger.tell(events.message_updated(shape))
        return shape


def _pair_open(ledger: Ledger) -> None:
    """What changes a message of a pair is seen by the other one, and so goes no further than a new message."""
    assert ledger.membership
    ledger.membership.conversation = ledger.conversation
    direct_rules.must_be_open(ledger.membership)


def must_stand(message: Message) -> None:
    """What was deleted is as if it were not there."""
    if message.deleted_at:
        raise not_found()
