"""Renders the texts of a batch of messages, before the transaction that stores them. See chat.actions.rendering."""

from __future__ import annotations

from chat.actions.rendering import TextSource, render_text
from chat.actions.sending.types import PendingSend
from chat.actions.validation import body_error, find_named_members
from chat.models import Membership, Message
from chat.permissions import may_mention_everybody
from chat.text.markdown import find_mention_keys, has_at_sign
from messenger.core import rate_limits


def render_ahead(batch: list[PendingSend]) -> None:
    """Renders the texts of a batch without locks and before any check. `render_bodies` completes this later.

    Makes no query if no text contains an `@` and no message is forwarded.
    """
    waits = rate_limits.acquire_many(rate_limits.buckets("render", [send.user_id for send in batch]))
    sends = [
        send
        for send, wait in zip(batch, waits, strict=True)
        if not wait and body_error(send.payload.body, may_be_blank=True) is None
    ]
    _load_forwarded_bodies(sends)
    _load_permission_to_mention_everybody(sends)
    for send, source in zip(sends, _build_sources(sends), strict=True):
        send.rendered = render_text(source)


def render_bodies(sends: list[PendingSend]) -> None:
    """Sets `body_html` and `mentions` of new messages that may be sent. A forwarded text mentions nobody.

    Uses what `render_ahead` has rendered, unless a member or role that the text depends on has changed since.
    """
    for send in sends:
        send.may_mention_everybody = may_mention_everybody(send.conversation.kind, send.membership.role)
        if send.rendered is not None and send.rendered.source.body == send.body:
            send.mention_keys = set(send.rendered.source.members)
    for send, source in zip(sends, _build_sources(sends), strict=True):
        rendered = render_text(source, send.rendered)
        send.body_html, send.mentions = rendered.html, rendered.mentions


def _build_sources(sends: list[PendingSend]) -> list[TextSource]:
    keys_by_conversation: dict[int, set[str]] = {}
    for send in sends:
        if send.mention_keys is None:
            send.mention_keys = find_mention_keys(send.body) if send.payload.forward_id is None else set()
        if send.mention_keys:
            keys_by_conversation.setdefault(send.payload.conversation_id, set()).update(send.mention_keys)
    members = find_named_members(keys_by_conversation)
    sources = []
    for send in sends:
        if send.payload.forward_id is not None or not has_at_sign(send.body):
            sources.append(TextSource(send.body))
            continue
        users = members.get(send.payload.conversation_id, {})
        named = {key: user for key, user in users.items() if key in (send.mention_keys or ())}
        sources.append(TextSource(send.body, named, send.may_mention_everybody))
    return sources


def _load_forwarded_bodies(sends: list[PendingSend]) -> None:
    """Sets `body` of messages to forward. Whether the sender may see it is checked later, by `resolve_messages`."""
    ids = {send.payload.forward_id for send in sends if send.payload.forward_id}
    bodies = dict(Message.objects.filter(pk__in=ids).values_list("pk", "body")) if ids else {}
    for send in sends:
        if send.payload.forward_id:
            send.body = bodies.get(send.payload.forward_id, "")


def _load_permission_to_mention_everybody(sends: list[PendingSend]) -> None:
    sends = [send for send in sends if has_at_sign(send.body)]
    if not sends:
        return
    memberships = Membership.objects.filter(
        conversation_id__in={send.payload.conversation_id for send in sends},
        user_id__in={send.user_id for send in sends},
        left_at=None,
    )
    allowed = {
        (conversation_id, user_id): may_mention_everybody(kind, role)
        for conversation_id, user_id, kind, role in memberships.values_list(
            "conversation_id", "user_id", "conversation__kind", "role"
        )
    }
    for send in sends:
        send.may_mention_everybody = allowed.get((send.payload.conversation_id, send.user_id), False)
