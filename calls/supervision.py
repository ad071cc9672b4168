"""Supervises calls in each server process: ends what is over, and delivers changes that a process has missed.

Each process does both every two seconds, for all calls in progress. So a call ends in time although the process that
served it was killed, and a change reaches the connections of this process although the channel layer has lost it.
"""

from __future__ import annotations

from django.utils import timezone

from calls import actions
from calls.models import Call, Participant
from calls.schemas import call_schema, call_updated
from calls.selectors import list_live_calls
from messenger.live.events import EphemeralEvent

SECONDS = 2.0


class CallSupervisor:
    """What one process knows about calls: the version of each call in progress that it has delivered."""

    def __init__(self) -> None:
        self._versions: dict[int, int] = {}

    def step(self) -> list[EphemeralEvent]:
        """Ends what is over, and returns the events of calls that have changed since the last step.

        Makes one query if there is no call.
        """
        calls = list_live_calls(also=self._versions)
        for call in calls:
            if is_due(call):
                actions.expire(call.pk)
        events = []
        for call in calls:
            if self._versions.get(call.pk) != call.version:
                events += call_updated(call_schema(call, list(call.participants.all())), call.conversation.kind)
        self._versions = {call.pk: call.version for call in calls if call.state != Call.State.ENDED}
        return events


def is_due(call: Call) -> bool:
    """Returns whether a ring or the presence of a participant is over. `actions.expire` decides it again."""
    now = timezone.now()
    rings_too_long = now - call.started_at > actions.RING_TIME
    for row in call.participants.all():
        if row.state == Participant.State.RINGING and rings_too_long:
            return True
        if row.state == Participant.State.JOINED and row.seen_at and now - row.seen_at > actions.REJOIN_TIME:
            return True
    return call.state == Call.State.RINGING and rings_too_long
