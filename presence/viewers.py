"""Who of this process's connections looks at which conversation, and telling those who look about each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.selectors import privacy
from messenger.core import database
from messenger.core.errors import ApplicationError
from messenger.live.events import EphemeralEvent, Event, publish_now
from messenger.live.hub import get_hub
from messenger.live.visibility import NOBODY, OPEN, Visibility, can_see
from presence import hooks, schemas
from presence.tracker import tracker

if TYPE_CHECKING:
    from messenger.live.connection import Connection


def group(conversation_id: int) -> str:
    return f"presence.{conversation_id}"


class Viewing:
    """In the event loop only. Changes are gathered: `tell` is called a few times a second."""

    def __init__(self) -> None:
        self._looking: dict[str, tuple[Connection, int]] = {}
        self._stirred: set[int] = set()

    async def look(self, connection: Connection, conversation_id: int | None) -> None:
        _, before = self._looking.pop(connection.connection_id, (None, None))
        if before is not None and before != conversation_id:
            get_hub().unlisten(connection, group(before))
        if conversation_id is not None:
            self._looking[connection.connection_id] = connection, conversation_id
            if before != conversation_id:
                get_hub().listen(connection, group(conversation_id))
        # Whoever says again what it looks at wants to hear who else does.
        await tracker().looking_at(connection.connection_id, conversation_id)
        self.stir(before, conversation_id)

    def forget(self, connection: Connection) -> None:
        """It closed: the hub has forgotten it, and so will the tracker."""
        _, before = self._looking.pop(connection.connection_id, (None, None))
        self.stir(before)

    def stir(self, *conversations: int | None) -> None:
        self._stirred.update(conversation for conversation in conversations if conversation is not None)

    async def leave_lost(self) -> None:
        """Nobody looks at what they are no member of any more."""
        for connection, conversation_id in list(self._looking.values()):
            if conversation_id not in connection.conversations:
                await self.look(connection, None)

    async def tell(self) -> None:
        stirred, self._stirred = self._stirred, set()
        for conversation_id in stirred:
            if looking := await tracker().viewers(conversation_id):
                try:
                    publish_now(await database.run_in_thread(_news, conversation_id, looking))
                except ApplicationError:  # the database is away: the next change tells
                    continue


def _news(conversation_id: int, looking: set[int]) -> list[Event]:
    """Each is told of those who show it to them: whoever hides their presence is not counted, and counts nobody;
    whoever hides their receipts is told nobody's. Two queries. Those who see the same are told in one piece.
    """
    marks = hooks.marks(conversation_id, looking)  # of those who show them
    ears = privacy.ears(looking)
    # Nobody here hides from, shows to few, or blocks another: nearly always. Else there is a view for each.
    if not any(_differs(ears[pk], looking - {pk}) for pk in looking & ears.keys()):
        told = schemas.viewers(conversation_id, len(looking), marks)
        told.skip_users = tuple(looking - marks.keys())
        return [told, *_without(conversation_id, looking, marks)]
    shows = {pk for pk in looking if ears.get(pk, OPEN).presence != NOBODY}
    news: list[Event] = []
    for viewer in sorted(looking):
        seen = {pk for pk in shows if pk == viewer or can_see(ears, viewer, pk, "presence")}
        read = {
            pk: seq
            for pk, seq in marks.items()
            if pk in seen and viewer in marks and (pk == viewer or can_see(ears, viewer, pk, "receipts"))
        }
        told = schemas.viewers(conversation_id, len(seen), read)
        news.append(EphemeralEvent(f"user.{viewer}", told.text, told.key))
    return news


def _differs(ears: Visibility, others: set[int]) -> bool:
    few = any(shown is not None and not others <= shown for shown in (ears.presence, ears.receipts))
    return few or ears.presence == NOBODY or bool(ears.blocked & others)


def _without(conversation_id: int, looking: set[int], marks: dict[int, int]) -> list[EphemeralEvent]:
    """For those who hide how far they have read in this conversation: without the others' marks."""
    without = schemas.viewers(conversation_id, len(looking), {})
    return [EphemeralEvent(f"user.{pk}", without.text, without.key) for pk in sorted(looking - marks.keys())]
