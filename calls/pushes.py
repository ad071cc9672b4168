"""The push messages of calls: a ring for browsers in which the site is not open, and that a call was missed.

What a push message shows is computed when it is sent. So nothing rings for a call that was answered, declined or given
up meanwhile, and a ring disappears from all browsers when it ends on one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import User
from calls.entries import call_texts
from calls.models import Call, Participant
from chat.models import Conversation, Membership
from messenger.core.timestamps import format_timestamp
from notifications import pending_pushes, rings
from notifications.decisions import Outcome
from notifications.push.content import PushAction, PushSchema, PushState
from notifications.tasks import send_pushes

State = Participant.State
KIND = "call"
RING_TIME = timedelta(seconds=45)


def update_browsers(call: Call, rows: Iterable[Participant]) -> None:
    """Makes the browsers of participants show the current state of a call. Belongs to the current transaction.

    `rows` are participants whom the call has just begun to ring, and those who have changed. A ring may be on its way
    to a browser while it ends, so browsers that show nothing yet are updated too.
    """
    keys = [
        (row.user_id, call.conversation_id)
        for row in rows
        if row.pushed_at is not None or (not row.is_silent and row.user_id != call.caller_id)
    ]
    if pending_pushes.add(keys, KIND, call.pk):
        send_pushes.enqueue()


def build_rings(users: Sequence[User], conversation_id: int, call_id: int) -> dict[int, PushState]:
    """Returns by user id what the browsers of these users are to show of a call.

    That a call was missed is shown to those whom it would have rung, also if it ended before their browsers rang.
    """
    call = Call.objects.select_related("conversation", "caller").filter(pk=call_id).first()
    rows = {row.user_id: row for row in Participant.objects.filter(call=call_id)}
    noticed = [row.user_id for row in rows.values() if row.state in (State.RINGING, State.MISSED) and not row.is_silent]
    decisions = rings.decide_rings(call.conversation, call.caller_id, noticed) if call is not None and noticed else {}
    read_ids = _find_readers(call) if call is not None else set()
    states = {}
    for user in users:
        push, row = PushSchema("clear", user.pk, f"call-{call_id}"), rows.get(user.pk)
        states[user.pk] = state = PushState(push, was_shown=row is not None and row.pushed_at is not None)
        if call is None or row is None:
            continue
        is_wanted = user.pk in decisions and decisions[user.pk].outcome == Outcome.PUSH
        rest = call.started_at + RING_TIME - timezone.now()
        language = user.language or settings.LANGUAGE_CODE
        with translation.override(language):
            if is_wanted and row.state == State.RINGING and call.state != Call.State.ENDED and rest > timedelta():
                _fill(push, call, _("Incoming video call") if call.media == Call.Media.VIDEO else _("Incoming call"))
                push.stays = push.sound = True
                push.actions = [PushAction("answer", _("Answer")), PushAction("decline", _("Decline"))]
                state.ttl = max(int(rest.total_seconds()), 1)
            elif is_wanted and row.state == State.MISSED and user.pk not in read_ids:
                _fill(push, call, call_texts()[f"{call.media}-missed"])
        push.lang = language
    return states


def _find_readers(call: Call) -> set[int]:
    """Returns the members who have read the entry of a call that has ended."""
    if call.entry_seq is None:
        return set()
    rung = call.participants.values("user")
    readers = Membership.objects.filter(conversation=call.conversation_id, user__in=rung, read_seq__gte=call.entry_seq)
    return set(readers.values_list("user_id", flat=True))


def find_read_calls(read_seqs: Mapping[tuple[int, int], int]) -> list[tuple[int, int, int]]:
    """Returns the missed calls that browsers show and whose entries were read (see PushSource)."""
    rows = Participant.objects.filter(
        user__in={user_id for user_id, _conversation_id in read_seqs},
        state=State.MISSED,
        pushed_at__isnull=False,
        call__entry_seq__isnull=False,
    ).values_list("user_id", "call__conversation_id", "call_id", "call__entry_seq")
    return [
        (user_id, conversation_id, call_id)
        for user_id, conversation_id, call_id, entry_seq in rows
        if entry_seq and entry_seq <= read_seqs.get((user_id, conversation_id), 0)
    ]


def _fill(push: PushSchema, call: Call, text: str) -> None:
    conversation = call.conversation
    is_group = conversation.kind == Conversation.Kind.GROUP
    push.type = "show"
    push.title = conversation.title if is_group else call.caller.display_name
    push.body = f"{call.caller.display_name}: {text}" if is_group else text
    push.url = reverse("conversation", args=[conversation.pk])
    push.call_id = call.pk
    push.sent_at = format_timestamp(call.started_at)


def store_rings(call_id: int, states: Iterable[PushState], now: datetime) -> None:
    for state in states:
        shown_at = now if state.is_shown else None
        Participant.objects.filter(call=call_id, user=state.push.user_id).update(pushed_at=shown_at)
