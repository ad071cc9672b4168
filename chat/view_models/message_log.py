"""View models of the messages on the page of a conversation, with day separators, system messages and receipt marks.

Messages of the same sender are shown as a group. In the browser `static/js/conversation/log/grouping.js` groups
messages that arrive later in the same way. The tests of both modules use tests/js/shared_cases/grouping.json. A receipt
mark shows whether a message is delivered and read. `static/js/conversation/receipts/receipts.js` updates the marks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from chat.message_kinds import KINDS
from chat.schemas import FileSchema, MessageSchema, MineSchema, ReactionSchema, ReceiptSchema
from chat.text.markdown import mentions_everybody
from chat.view_models import times
from chat.view_models.attachments import AttachmentView, build_attachment_views

GROUP_GAP = timedelta(minutes=5)  # a pause of this length ends a group
TIME_SEPARATOR_GAP = timedelta(hours=1)  # after a pause of this length on the same day a time separator is shown
MAX_NAMES = 4  # in a list of names; a longer list has three names and a count
MAX_REACTIONS = 24  # different emoji shown below a message; the details page shows all


def client_gaps() -> dict[str, str]:
    """Returns the two pauses above in milliseconds, for scripts."""
    return {
        "group": str(GROUP_GAP // timedelta(milliseconds=1)),
        "separator": str(TIME_SEPARATOR_GAP // timedelta(milliseconds=1)),
    }


@dataclass(slots=True)
class GroupingInput:
    """The properties of a message that decide whether it begins a new group of messages (see `group_messages`).

    A group is a sequence of messages of the same sender.
    """

    sender: int
    at: datetime  # in the reader's time zone
    text: bool = True  # False: a system message
    unread_before: bool = False  # the unread separator is above


@dataclass(slots=True)
class GroupPosition:
    """Whether a message is the first or the last of a group (messages of one sender that are shown together).

    Also tells whether a line with the day or the time is shown above the message. The field names are the same as in
    tests/js/shared_cases/grouping.json.
    """

    first: bool
    last: bool
    day_before: bool  # a day separator is above
    pause_before: bool = False  # a time separator is above


@dataclass(slots=True)
class MessageItem:
    """One message on the page of a conversation, with all values that templates show, as one reader sees it."""

    message: MessageSchema
    sent_at: datetime
    position: GroupPosition
    body_html: str = ""  # with the reader's own mentions highlighted
    is_own: bool = False
    role: str = ""  # of the sender: "owner" or "admin" of a group, else ""
    mentions_me: bool = False
    day_label: str = ""  # of the day separator above; empty if there is none
    is_first_unread: bool = False  # the unread separator is above
    unread_count: int = 0  # for the unread separator, else 0
    system_text: SystemMessageText | None = None
    reactions: list[ReactionItem] = field(default_factory=list)
    is_blocked: bool = False  # the reader has blocked the sender; the message is collapsed
    is_quote_blocked: bool = False  # the reader has blocked the sender of the quoted message; its text is hidden
    receipt_mark: ReceiptMark | None = None

    @property
    def role_name(self) -> str:
        return name_words()[self.role]

    @property
    def unread_label(self) -> str:
        """The words on the unread separator above, such as "5 new since 09:41".

        In the browser, static/js/conversation/log/unread-separator.js builds them from the same words.
        """
        words = name_words()["new-since-one" if self.unread_count == 1 else "new-since"]
        since = times.format_short(timezone.localtime(self.sent_at), timezone.localtime())
        return words.replace("%n", str(self.unread_count)).replace("%t", since)

    @property
    def description(self) -> str:
        """Describes a message of a kind of another app, such as a call, in a few words. Empty for other messages."""
        describe = KINDS[self.message.kind].describe
        return describe(self.message, self.is_own) if describe else ""

    @property
    def attachments(self) -> list[AttachmentView]:
        return build_attachment_views(self.message.attachments)

    @property
    def has_several_images(self) -> bool:
        """True if the message has more than one image. The images are then shown as squares beside each other."""
        return sum(attachment.kind == "image" for attachment in self.message.attachments) > 1

    @property
    def is_deleted(self) -> bool:
        return self.message.deleted_at is not None

    @property
    def css_classes(self) -> str:
        """The CSS classes of the message, separated by spaces. Browser scripts also find messages by these classes."""
        classes = {
            "msg": True,
            "first": self.position.first,
            "last": self.position.last,
            "mine": self.is_own,
            "for-me": self.mentions_me,
            "deleted": self.is_deleted,
            "blocked": self.is_blocked,
        }
        return " ".join(name for name, applies in classes.items() if applies)

    @property
    def time(self) -> str:
        return times.format_time(self.sent_at)

    @property
    def visible_reactions(self) -> list[ReactionItem]:
        return self.reactions[:MAX_REACTIONS]

    @property
    def hidden_reaction_count(self) -> int:
        return max(len(self.reactions) - MAX_REACTIONS, 0)


@dataclass(slots=True)
class ReactionItem:
    emoji: str
    count: int
    is_own: bool
    names: str = ""  # of the users who reacted
    user_ids: Sequence[int] = ()  # of the users in `names`


@dataclass(slots=True)
class SystemMessageText:
    """The values from which a template makes the text of a system message, such as "Ann added Ben".

    The template has one sentence for each `kind` of system message ("added", "left" …). It inserts the other fields,
    such as the names, into this sentence.
    """

    kind: str
    actor: str
    users: str
    old: str
    new: str
    actor_id: int = 0
    user_ids: Sequence[int] = ()  # of `users`; scripts use them to update names that have changed


def group_messages(inputs: Sequence[GroupingInput]) -> list[GroupPosition]:
    """Groups consecutive messages of the same sender, and returns the position of each message in its group.

    A new group begins after a pause of 5 minutes, when the sender or the day changes, at a system message, and at the
    separator above the first unread message.
    """
    positions: list[GroupPosition] = []
    previous: GroupingInput | None = None
    for current in inputs:
        is_new_day = previous is None or current.at.date() != previous.at.date()
        continues_group = (
            previous is not None
            and current.text
            and previous.text
            and not is_new_day
            and not current.unread_before
            and current.sender == previous.sender
            and current.at - previous.at < GROUP_GAP
        )
        if continues_group:
            positions[-1].last = False
        has_pause = previous is not None and not is_new_day and current.at - previous.at >= TIME_SEPARATOR_GAP
        positions.append(GroupPosition(current.text and not continues_group, current.text, is_new_day, has_pause))
        previous = current
    return positions


def build_message_items(
    messages: Sequence[MessageSchema],
    *,
    user_id: int,
    member_state: MineSchema | None = None,
    from_start: bool = True,
    names: Mapping[int, str] | None = None,
    blocked: Collection[int] = (),
    roles: Mapping[int, str] | None = None,
) -> list[MessageItem]:
    """Returns the view models of the messages on one page of a conversation, as the user `user_id` sees them.

    `messages` are in ascending order. `from_start` is True if the page begins with the first message of the
    conversation. `names` has display names by user id, for system messages and reactions. `blocked` are the ids of
    users whom this user has blocked: their messages are collapsed, also where others quote them, and do not count as
    mentions. `roles` are those of the owner and the admins of a group, by user id.
    """
    timestamps = [times.parse_timestamp(message.created_at) for message in messages]
    first_unread_seq = _find_first_unread(messages, user_id, member_state, from_start)
    positions = group_messages(
        [
            GroupingInput(message.sender.id, sent_at, KINDS[message.kind].is_grouped, message.seq == first_unread_seq)
            for message, sent_at in zip(messages, timestamps, strict=True)
        ]
    )
    today = timezone.localdate()
    return [
        MessageItem(
            message=message,
            sent_at=sent_at,
            position=position,
            body_html=link_mentions(highlight_own_mentions(message.body_html, user_id)),
            is_own=message.sender.id == user_id,
            role="" if message.sender.id == user_id else (roles or {}).get(message.sender.id, ""),
            mentions_me=mentions_user(message, user_id) and message.sender.id not in blocked,
            day_label=times.format_day_label(sent_at.date(), today) if position.day_before else "",
            is_first_unread=message.seq == first_unread_seq,
            unread_count=member_state.unread_count if member_state and message.seq == first_unread_seq else 0,
            system_text=build_system_text(message, user_id, names or {}),
            reactions=[
                ReactionItem(
                    reaction.emoji,
                    len(reaction.user_ids),
                    user_id in reaction.user_ids,
                    format_reactor_names(reaction, user_id, names or {}),
                    reaction.user_ids[:MAX_NAMES],
                )
                for reaction in message.reactions
            ],
            is_blocked=is_hidden_by_block(message, user_id, blocked) and message.deleted_at is None,
            is_quote_blocked=_is_quote_blocked(message, blocked),
        )
        for message, sent_at, position in zip(messages, timestamps, positions, strict=True)
    ]


def is_hidden_by_block(message: MessageSchema | FileSchema, user_id: int, blocked: Collection[int]) -> bool:
    """Returns True if the user has blocked the sender of a message, or the author of what others forward.

    The same holds for the files of a message (`FileSchema`). `blocked` are the ids of the users whom the user `user_id`
    has blocked. What the user forwards stays visible. The browser script
    static/js/conversation/message/blocked-messages.js has the same rule.
    """
    author = message.forwarded_from.sender.id if message.forwarded_from and message.sender.id != user_id else None
    return message.sender.id in blocked or author in blocked


def _is_quote_blocked(message: MessageSchema, blocked: Collection[int]) -> bool:
    quoted = message.reply_to
    return quoted is not None and quoted.sender.id in blocked and not quoted.deleted


def mentions_user(message: MessageSchema, user_id: int) -> bool:
    """Returns True if a message mentions this user or everybody (`@all`), and another user has sent it."""
    return message.sender.id != user_id and any(mention.user_id in (user_id, None) for mention in message.mentions)


def has_ignored_mention_of_everybody(message: MessageSchema) -> bool:
    """Returns True if `@all` in a message notified nobody, because only the owner and admins of a group may use it."""
    return mentions_everybody(message.body) and all(mention.user_id is not None for mention in message.mentions)


def highlight_own_mentions(html: str, user_id: int) -> str:
    """Returns the HTML of a message with the CSS class `me` added to mentions of the user `user_id` and of `@all`.

    The database has the same HTML for all readers, so the class is added when the message is shown to a reader.
    """
    return re.sub(rf'<span class="mention" (data-user-id="(?:{user_id}|all)")', r'<span class="mention me" \1', html)


_LINK_OR_MENTION = re.compile(r'<a\b.*?</a>|<span class="mention" data-user-id="(\d+)">([^<]*)</span>', re.DOTALL)


def link_mentions(html: str) -> str:
    """Returns the HTML of a message in which mentions of other users are links to their profiles.

    A mention inside a link stays as it is. static/js/conversation/message/message-view.js does the same in the browser.
    """

    def link(match: re.Match[str]) -> str:
        user_id, text = match.groups()
        if user_id is None:
            return match[0]
        url = reverse("person", args=[user_id])
        return f'<a class="mention" data-user-id="{user_id}" href="{url}" data-dialog="">{text}</a>'

    return _LINK_OR_MENTION.sub(link, html) if 'class="mention"' in html else html


def _find_first_unread(
    messages: Sequence[MessageSchema], user_id: int, member_state: MineSchema | None, from_start: bool
) -> int | None:
    """Returns the number (seq) of the first unread message, above which the web page shows a separator.

    Returns None if nothing is unread, or if the first unread message is not among `messages`.
    """
    if member_state is None or not member_state.unread_count or not messages:
        return None
    if not from_start and messages[0].seq > member_state.read_seq + 1:
        return None
    unread = (
        message.seq
        for message in messages
        if message.seq > member_state.read_seq and KINDS[message.kind].is_counted and message.sender.id != user_id
    )
    return next(unread, None)


# ── System messages ─────────────────────────────────────────────────────────────────────────────────────────────────
def build_system_text(message: MessageSchema, user_id: int, names: Mapping[int, str]) -> SystemMessageText | None:
    """Returns the text of a system message as the user `user_id` reads it, or None for a text message.

    The result has the kind of the message and the names and titles from which a template makes the text.
    """
    if (event := message.event) is None:
        return None
    actor_id = event.actor_id or message.sender.id
    other_ids = event.other_ids
    is_own_link = event.sentence == "linked" and event.by_id == user_id
    you = pgettext("object", "you")
    return SystemMessageText(
        kind="linked-mine" if is_own_link else event.sentence,
        actor=pgettext("subject", "You") if actor_id == user_id else names.get(actor_id) or message.sender.name,
        users=format_name_list([you if other_id == user_id else names.get(other_id, "…") for other_id in other_ids]),
        old=event.old or "",
        new=event.new or "",
        actor_id=actor_id,
        user_ids=other_ids,
    )


def collect_named_user_ids(messages: Sequence[MessageSchema]) -> set[int]:
    """Returns the ids of the users whose names are shown with `messages`: in system messages and below reactions."""
    user_ids = {
        user_id
        for message in messages
        if message.event
        for user_id in (*message.event.user_ids, message.event.actor_id, message.event.by_id)
        if user_id is not None
    }
    return user_ids.union(*(reaction.user_ids[:MAX_NAMES] for message in messages for reaction in message.reactions))


def format_reactor_names(reaction: ReactionSchema, user_id: int, names: Mapping[int, str]) -> str:
    """Returns the names of the users who reacted with an emoji, in the order of their reactions, as one text.

    The user `user_id` is called "You". Returns "" if `names` is empty.
    """
    if not names:
        return ""
    you = name_words()["you"]
    return format_name_list([you if pk == user_id else names.get(pk, "…") for pk in reaction.user_ids])


def format_name_list(names: Sequence[str]) -> str:
    """Joins names to a text: `bob`, `bob and carol`, `bob, carol and dave`, `bob, carol, dave and 7 more`."""
    if len(names) > MAX_NAMES:
        named_count = MAX_NAMES - 1
        names = [*names[:named_count], name_words()["more"].replace("%n", str(len(names) - named_count))]
    if len(names) < 2:
        return "".join(names)
    head = name_words()["comma"].join(names[:-1])
    # Both parts are replaced in one call with a function, because a name may contain `%a` or `%b`.
    return re.sub("%([ab])", lambda match: head if match[1] == "a" else names[-1], name_words()["and"])


def name_words() -> dict[str, str]:
    """Returns the translated words of a message log (such as "and" and "You"), and the limits for lists of names.

    They become the data attributes of `<template id="name-words">`. Browser scripts use them to write lists of names in
    the same way as the Django templates.
    """
    return {
        "writer": pgettext("writer", "You"),
        "you": pgettext("subject", "You"),
        "you-object": pgettext("object", "you"),
        "comma": pgettext("between names", ", "),
        "and": pgettext("two names", "%a and %b"),
        "more": pgettext("people", "%n more"),
        "owner": _("owner"),
        "admin": _("admin"),
        "new-since-one": _("1 new since %t"),
        "new-since": _("%n new since %t"),
        "in-full": str(MAX_NAMES),
        "reactions": str(MAX_REACTIONS),
    }


def conversation_title(conversation) -> str:
    """Returns the title of a group, or the name of the other user in a direct conversation."""
    if conversation.kind == "group":
        return conversation.title
    return conversation.peer.name if conversation.peer else _("Nobody")


# ── Receipt marks ───────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class ReceiptMark:
    """The mark below an own message of the reader. It shows the `state` of the message: "sent", "delivered" or "read".

    `total` is the number of other members who let the reader see what they have read. `count` is how many of these
    members have read the message.
    """

    state: str
    count: int
    total: int

    @property
    def key(self) -> str:
        """A text that is the same for two marks with the same values.

        Browser scripts compare it to find changed marks.
        """
        return f"{self.state} {self.count} {self.total}"


def attach_receipt_marks(items: Sequence[MessageItem], receipts: Sequence[ReceiptSchema]) -> None:
    """Sets `receipt_mark` ("sent", "delivered" or "read") on messages that the reader has sent.

    `items` are messages in ascending order. `receipts` tell which messages each other member has received and read;
    members who hide this are not included. If several messages of a group (messages that are shown together) have the
    same state, only the last of these gets a mark.
    """
    own_items = [item for item in items if item.is_own and not item.is_deleted and not item.system_text]
    marks = [_build_receipt_mark(item.message.seq, receipts) for item in own_items]
    for index, (item, mark) in enumerate(zip(own_items, marks, strict=True)):
        is_last = index + 1 == len(own_items)
        if is_last or own_items[index + 1].position.first or marks[index + 1].state != mark.state:
            item.receipt_mark = mark


def _build_receipt_mark(seq: int, receipts: Sequence[ReceiptSchema]) -> ReceiptMark:
    read_count = sum(1 for receipt in receipts if receipt.read_seq >= seq)
    is_delivered = any(receipt.delivered_seq >= seq for receipt in receipts)
    return ReceiptMark("read" if read_count else "delivered" if is_delivered else "sent", read_count, len(receipts))
