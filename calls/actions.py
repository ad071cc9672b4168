"""Actions on calls: call, answer, decline, hang up, and relay signalling between two participants.

All changes of a call lock its conversation first, as all other changes of a conversation do. So two changes never
overlap, in whatever process they happen, and the rows in the database are the only state of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.selectors import mutes, privacy
from calls import entries, pushes, rules
from calls.models import Call, CallSettings, GroupCallSettings, Participant
from calls.schemas import (
    CallSchema,
    CandidateSchema,
    CandidatesEvent,
    SessionDescriptionEvent,
    call_schema,
    call_updated,
    candidates,
    session_description,
)
from chat.actions.transaction import ConversationTransaction, conversation_transaction, outsider_transaction
from chat.models import Conversation
from chat.selectors import list_member_ids
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError, forbidden, not_found
from messenger.live.events import publish
from notifications import rings

RING_TIME = pushes.RING_TIME
# A participant without a sign of life for this long has left: the browser is closed, or the network is gone.
REJOIN_TIME = timedelta(seconds=20)
# The same after the page has announced that it is being closed. It may be a reload, after which the page returns.
LEAVING_TIME = timedelta(seconds=6)

ALREADY_IN_CALL = _("You’re already in a call.")

JOINED, RINGING = Participant.State.JOINED, Participant.State.RINGING


class CallTransaction:
    """A call in an open transaction of its conversation. `save` stores its changes and publishes the event."""

    def __init__(self, tx: ConversationTransaction, call: Call):
        self.tx, self.call = tx, call
        rows = call.participants.select_related("user").order_by("pk") if call.pk else ()
        self.participants: dict[int, Participant] = {row.user_id: row for row in rows}
        self._changed: set[int] = set()
        self.is_changed = False

    @property
    def is_live(self) -> bool:
        return self.call.state != Call.State.ENDED

    @property
    def is_direct(self) -> bool:
        return self.tx.conversation.kind == Conversation.Kind.DIRECT

    def with_state(self, state: str) -> list[Participant]:
        return [row for row in self.participants.values() if row.state == state]

    def set_state(self, row: Participant, state: str, device: str = "") -> None:
        row.state, row.device = state, device
        if state == JOINED:
            row.seen_at = self.tx.now
            row.joined_at = row.joined_at or self.tx.now
        self.mark(row)

    def mark(self, row: Participant) -> None:
        """Remembers that a participant has changed."""
        self._changed.add(row.user_id)
        self.is_changed = True

    def leave(self, row: Participant) -> None:
        """Lets a participant leave the call, which may end it."""
        self.set_state(row, Participant.State.LEFT)
        if self.call.state == Call.State.RINGING:
            self.end(Call.Reason.CANCELLED)
        elif self.is_direct or not self.with_state(JOINED):
            self.end(Call.Reason.COMPLETED)

    def end_if_nobody_rings(self, reason: str) -> None:
        """Ends a call that nobody has answered and that rings nobody any more."""
        if self.call.state == Call.State.RINGING and not self.with_state(RINGING):
            self.end(reason)

    def end(self, reason: str) -> None:
        for row in list(self.participants.values()):
            if row.state in (JOINED, RINGING):
                self.set_state(row, Participant.State.LEFT if row.state == JOINED else Participant.State.MISSED)
        self.call.state, self.call.reason, self.call.ended_at = Call.State.ENDED, reason, self.tx.now
        self.is_changed = True
        entries.add_entry(self.tx, self.call)

    def save(self) -> CallSchema:
        """Stores what has changed, and publishes it on commit. Returns the call."""
        if self.is_changed:
            self.call.version += 1
            self.call.save()
            for user_id in sorted(self._changed):
                self.participants[user_id].save()
            self.tx.publish(*call_updated(self.schema(), self.tx.conversation.kind))
            pushes.update_browsers(self.call, [self.participants[user_id] for user_id in sorted(self._changed)])
            self._changed, self.is_changed = set(), False
        return self.schema()

    def schema(self) -> CallSchema:
        return call_schema(self.call, list(self.participants.values()))


@contextmanager
def call_transaction(call_id: int, user_id: int) -> Iterator[CallTransaction]:
    """Opens a transaction on a call for a member of its conversation. Raises `not_found` for all other users."""
    call = Call.objects.filter(pk=call_id).only("conversation_id").first()
    if call is None:
        raise not_found()
    with conversation_transaction(call.conversation_id, user_id) as tx:
        ct = CallTransaction(tx, Call.objects.get(pk=call_id))
        if user_id not in ct.participants and ct.call.caller_id in privacy.blocked_user_ids(user_id):
            raise not_found()  # such members are not told of the call either
        yield ct


# ── Calling and answering ────────────────────────────────────────────────────────────────────────────────────────
def invite(user_id: int, conversation_id: int, device: str, media: str) -> CallSchema:
    """Calls the other members of a conversation, or joins the call that is in progress there."""
    rate_limits.require("call", user_id)
    _leave_lost_calls(user_id)
    with _one_call_at_a_time(), conversation_transaction(conversation_id, user_id) as tx:
        live = Call.objects.filter(conversation=tx.conversation).exclude(state=Call.State.ENDED).first()
        if live is not None:
            if live.caller_id in privacy.blocked_user_ids(user_id):
                raise forbidden(_("There is already a call in this group."))
            return _join(CallTransaction(tx, live), user_id, device)
        assert tx.membership is not None
        mutes.require_not_muted(tx.membership.user)
        rules.require_may_call(tx.membership)
        _require_free(user_id)
        call = Call.objects.create(conversation=tx.conversation, caller_id=user_id, media=media, started_at=tx.now)
        rows = [Participant(call=call, user_id=user_id, state=JOINED, device=device, joined_at=tx.now, seen_at=tx.now)]
        invitees = _invitees(tx, user_id)
        silenced = rings.find_silenced(tx.conversation, user_id, [other_id for other_id, _state in invitees])
        rows += [
            Participant(call=call, user_id=other_id, state=state, is_silent=other_id in silenced)
            for other_id, state in invitees
        ]
        Participant.objects.bulk_create(rows)
        ct = CallTransaction(tx, call)
        for row in ct.with_state(RINGING):
            ct.mark(row)
        if ct.is_direct and ct.with_state(Participant.State.BUSY):
            ct.end(Call.Reason.BUSY)
        ct.is_changed = True
        return ct.save()


def _invitees(tx: ConversationTransaction, caller_id: int) -> list[tuple[int, str]]:
    """Returns the users whom a new call rings, and those who are in another call, with their states."""
    member_ids = list_member_ids(tx.conversation.pk)
    if len(member_ids) > rules.MAX_RUNG:
        return []
    rung = rules.filter_callable(caller_id, member_ids)
    busy = set(_joined_rows().filter(user__in=rung).values_list("user_id", flat=True))
    return [(user_id, Participant.State.BUSY if user_id in busy else RINGING) for user_id in sorted(rung)]


def _joined_rows():
    """Returns the participants of all calls whose devices have given a sign of life."""
    return Participant.objects.filter(state=JOINED, seen_at__gt=timezone.now() - REJOIN_TIME)


def _require_free(user_id: int) -> None:
    if Participant.objects.filter(user=user_id, state=JOINED).exists():
        raise forbidden(ALREADY_IN_CALL)


def _leave_lost_calls(user_id: int) -> None:
    """Lets the user leave calls without a sign of life, so that they do not prevent the next one."""
    for row in Participant.objects.filter(user=user_id, state=JOINED, seen_at__lte=timezone.now() - REJOIN_TIME):
        expire(row.call_id)


@contextmanager
def _one_call_at_a_time() -> Iterator[None]:
    """Raises `forbidden` if the user joins two calls at the same moment, which a database constraint prevents."""
    try:
        yield
    except IntegrityError as error:
        if "one_call" not in str(error) and "user_id" not in str(error):
            raise
        raise forbidden(ALREADY_IN_CALL) from error


def ringing(user_id: int, call_id: int) -> CallSchema:
    with call_transaction(call_id, user_id) as ct:
        row = ct.participants.get(user_id)
        if row is not None and row.state == RINGING and not row.rang:
            row.rang = True
            ct.mark(row)
        return ct.save()


def accept(user_id: int, call_id: int, device: str) -> CallSchema:
    """Lets a user answer or join a call, or return to it with a new device."""
    rate_limits.require("call", user_id)  # each new device is published to all members
    _leave_lost_calls(user_id)
    with _one_call_at_a_time(), call_transaction(call_id, user_id) as ct:
        return _join(ct, user_id, device)


def _join(ct: CallTransaction, user_id: int, device: str) -> CallSchema:
    if not ct.is_live:
        raise forbidden(_("This call has ended."))
    row = ct.participants.get(user_id)
    if row is not None and row.state == JOINED:
        if row.device != device:  # after a reload, or on another device
            ct.set_state(row, JOINED, device)
        return ct.save()
    assert ct.tx.membership is not None
    mutes.require_not_muted(ct.tx.membership.user)
    others = {other.user_id for other in ct.with_state(JOINED)}
    if len(others) >= rules.MAX_IN_CALL:
        raise forbidden(_("This call is full. Four people can take part."))
    if others & privacy.blocked_user_ids(user_id):
        raise forbidden(_("You can’t join this call."))
    _require_free(user_id)
    if row is None:
        row = Participant(call=ct.call, user=ct.tx.membership.user)
        ct.participants[user_id] = row
    ct.set_state(row, JOINED, device)
    if ct.call.state == Call.State.RINGING and user_id != ct.call.caller_id:
        ct.call.state, ct.call.answered_at = Call.State.ACTIVE, ct.tx.now
    return ct.save()


def decline(user_id: int, call_id: int) -> CallSchema:
    with call_transaction(call_id, user_id) as ct:
        row = ct.participants.get(user_id)
        if row is not None and row.state == RINGING:
            ct.set_state(row, Participant.State.DECLINED)
            ct.end_if_nobody_rings(Call.Reason.DECLINED)
        return ct.save()


def hang_up(user_id: int, call_id: int, device: str) -> CallSchema:
    with call_transaction(call_id, user_id) as ct:
        row = ct.participants.get(user_id)
        if row is not None and row.state == JOINED and row.device == device:
            ct.leave(row)
        return ct.save()


def report_alive(user_id: int, call_id: int, device: str) -> None:
    """Stores that a device is still in a call. Raises `not_found` if it is not."""
    rows = Participant.objects.filter(user=user_id, call=call_id, state=JOINED, device=device)
    if not rows.update(seen_at=timezone.now()):
        raise not_found()


def announce_leaving(user_id: int, call_id: int, device: str) -> None:
    """Lets a user leave a call soon, because the page of this device is being closed, unless it returns meanwhile."""
    rows = Participant.objects.filter(user=user_id, call=call_id, state=JOINED, device=device)
    if not rows.update(seen_at=timezone.now() - REJOIN_TIME + LEAVING_TIME):
        raise not_found()


# ── Signalling between two participants ──────────────────────────────────────────────────────────────────────────
def relay_description(
    user_id: int, call_id: int, device: str, to_user_id: int, to_device: str, type: str, sdp: str
) -> None:
    """Sends an offer or an answer (`type`) to the device of another participant."""
    _require_peer(user_id, call_id, device, to_user_id, to_device)
    event = SessionDescriptionEvent(call_id, user_id, device, to_device, sdp)
    publish([session_description(type, to_user_id, event)])


def relay_candidates(
    user_id: int, call_id: int, device: str, to_user_id: int, to_device: str, found: list[CandidateSchema]
) -> None:
    """Sends ICE candidates to the device of another participant."""
    _require_peer(user_id, call_id, device, to_user_id, to_device)
    publish([candidates(to_user_id, CandidatesEvent(call_id, user_id, device, to_device, found))])


def _require_peer(user_id: int, call_id: int, device: str, to_user_id: int, to_device: str) -> None:
    """Raises `not_found` unless both users are in the call with these devices."""
    rate_limits.require("call.signal", user_id)
    rows = Participant.objects.filter(
        call=call_id, user__in=(user_id, to_user_id), state=JOINED, call__conversation__deleted_at=None
    )
    if user_id == to_user_id or dict(rows.values_list("user_id", "device")) != {user_id: device, to_user_id: to_device}:
        raise not_found()


# ── What ends calls from outside ─────────────────────────────────────────────────────────────────────────────────
def expire(call_id: int) -> CallSchema | None:
    """Ends what is over in a call: rings after 45 seconds, and participants 20 seconds after their last sign of life.

    Any number of processes may call this at the same time. Returns the call, or None if nothing has changed.
    """

    def apply(ct: CallTransaction) -> None:
        if ct.tx.now - ct.call.started_at > RING_TIME:
            for row in ct.with_state(RINGING):
                ct.set_state(row, Participant.State.MISSED)
        for row in ct.with_state(JOINED):
            if row.seen_at and ct.tx.now - row.seen_at > REJOIN_TIME and ct.is_live:
                ct.leave(row)
        if ct.is_live and ct.tx.now - ct.call.started_at > RING_TIME:
            ct.end_if_nobody_rings(Call.Reason.NO_ANSWER)

    return _change_from_outside(call_id, apply)


def leave_conversation(user_id: int, conversation_id: int) -> None:
    """Lets a user who is no longer a member of a conversation leave its call."""

    def apply(ct: CallTransaction) -> None:
        row = ct.participants.get(user_id)
        if row is not None and row.state == JOINED:
            ct.leave(row)
        elif row is not None and row.state == RINGING:
            ct.set_state(row, Participant.State.MISSED)
            ct.end_if_nobody_rings(Call.Reason.CANCELLED)

    for call_id in _live_call_ids(conversation=conversation_id, participants__user=user_id):
        _change_from_outside(call_id, apply)


def separate(user_id: int, other_id: int) -> None:
    """Ends calls between two users after one has blocked the other: direct calls, and a ring in a group.

    In a group call, the two are no longer connected: the one who joined last leaves it.
    """
    if other_id not in privacy.blocked_user_ids(user_id):
        return

    def apply(ct: CallTransaction) -> None:
        rows = [ct.participants[each] for each in (user_id, other_id)]
        joined = [row for row in rows if row.state == JOINED]
        for row in rows:
            if row.state == RINGING and ct.call.caller_id in (user_id, other_id):
                ct.set_state(row, Participant.State.MISSED)
        ct.end_if_nobody_rings(Call.Reason.CANCELLED)
        if ct.is_live and len(joined) == 2:
            ct.leave(max(joined, key=lambda row: row.joined_at or ct.tx.now))

    for call_id in _live_call_ids(participants__user=user_id):
        if Participant.objects.filter(call=call_id, user=other_id).exists():
            _change_from_outside(call_id, apply)


def _live_call_ids(**conditions: object) -> list[int]:
    calls = Call.objects.exclude(state=Call.State.ENDED).filter(**conditions)
    return list(calls.values_list("pk", flat=True))


def _change_from_outside(call_id: int, apply: Callable[[CallTransaction], None]) -> CallSchema | None:
    """Changes a call for the server itself, not for a member. Returns the call, or None if nothing has changed."""
    conversation_id = Call.objects.values_list("conversation_id", flat=True).get(pk=call_id)
    try:
        with outsider_transaction(conversation_id) as tx:
            ct = CallTransaction(tx, Call.objects.get(pk=call_id))
            if not ct.is_live:
                return None
            apply(ct)
            return ct.save() if ct.is_changed else None
    except ApplicationError as error:
        if error.code != "not_found":
            raise
        # The group is deleted: nobody is left to tell.
        Participant.objects.filter(call=call_id, state=JOINED).update(state=Participant.State.LEFT, device="")
        Call.objects.filter(pk=call_id).update(
            state=Call.State.ENDED, reason=Call.Reason.COMPLETED, ended_at=timezone.now()
        )
        return None


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────────────
def set_audience(user_id: int, call_me: str) -> None:
    """Stores who may call the user."""
    CallSettings.objects.update_or_create(user_id=user_id, defaults={"call_me": call_me})


def set_allowed_in_group(user_id: int, conversation_id: int, is_allowed: bool) -> None:
    """Switches calls of a group on or off. Owners and admins may do it."""
    with conversation_transaction(conversation_id, user_id) as tx:
        tx.require_allowed("change_group")
        GroupCallSettings.objects.update_or_create(conversation=tx.conversation, defaults={"is_allowed": is_allowed})
