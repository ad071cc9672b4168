"""Stores which conversation each connection of this process views, and sends it `viewers` events about changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.selectors import privacy
from messenger.core import database
from messenger.core.errors import ApplicationError
from messenger.live.events import EphemeralEvent, Event
from messenger.live.hub import get_hub
from messenger.live.visibility import NO_USERS, UNRESTRICTED, Visibility, can_see
from presence import hooks, schemas
from presence.tracker import get_tracker

if TYPE_CHECKING:
    from messenger.live.connection import Connection


def viewers_group(conversation_id: int) -> str:
    """Returns the name of the group of connections that view this conversation.

    The hub (messenger.live.hub) sends the events of a group to all connections that have subscribed to it.
    """
    return f"presence.{conversation_id}"


class ConversationViewers:
    """Stores which conversation each connection of this process views. Used in the event loop only.

    When viewers of a conversation change, the methods only store its id. `tell_changes`, which is called a few times a
    second, sends the `viewers` events of these conversations.
    """

    def __init__(self) -> None:
        self._views: dict[str, tuple[Connection, int]] = {}  # by connection id
        self._changed_conversation_ids: set[int] = set()

    def set_view(self, connection: Connection, conversation_id: int | None) -> None:
        """Sets the conversation that the connection views (None: no conversation)."""
        _, previous_id = self._views.pop(connection.connection_id, (None, None))
        if previous_id is not None and previous_id != conversation_id:
            get_hub().unsubscribe(connection, viewers_group(previous_id))
        if conversation_id is not None:
            self._views[connection.connection_id] = connection, conversation_id
            if previous_id != conversation_id:
                get_hub().subscribe(connection, viewers_group(conversation_id))
        get_tracker().set_view(connection.connection_id, conversation_id)
        # Also if it is the same conversation: a client that repeats the command wants a new `viewers` event.
        self.mark_changed(previous_id, conversation_id)

    def remove_connection(self, connection: Connection) -> None:
        """Forgets which conversation a closed connection viewed.

        Other data about the connection are not removed here: the hub (sends events to connections) and the presence
        tracker (stores who is online) remove their own.
        """
        _, previous_id = self._views.pop(connection.connection_id, (None, None))
        self.mark_changed(previous_id)

    def mark_changed(self, *conversation_ids: int | None) -> None:
        self._changed_conversation_ids.update(pk for pk in conversation_ids if pk is not None)

    def has_changes(self) -> bool:
        return bool(self._changed_conversation_ids)

    def end_views_of_non_members(self) -> None:
        """Ends the view of each connection whose user is no longer a member of the viewed conversation."""
        for connection, conversation_id in list(self._views.values()):
            if conversation_id not in connection.conversations:
                self.set_view(connection, None)

    async def tell_changes(self) -> None:
        """Sends the `viewers` events to connections of this process, about conversations that they view."""
        conversation_ids, self._changed_conversation_ids = self._changed_conversation_ids, set()
        for conversation_id in conversation_ids & {viewed_id for _, viewed_id in self._views.values()}:
            viewer_ids = get_tracker().get_viewers(conversation_id)
            try:
                events = await database.run_in_thread(build_viewers_events, conversation_id, viewer_ids)
            except ApplicationError:  # the database is down: the next change sends the viewers
                continue
            get_hub().receive(events)


def build_viewers_events(conversation_id: int, viewer_ids: set[int]) -> list[Event]:
    """Returns the `viewers` events, which tell the users who view a conversation who else views it. Makes two queries.

    A viewer gets events only about viewers who show their presence to this viewer. A user who hides their own presence
    is not counted and does not see the others. A user who hides their own read receipts does not see what the others
    have read. Usually all viewers may see each other; then all of them get the same event.
    """
    read_markers = hooks.get_read_markers(conversation_id, viewer_ids)  # only of users who show them
    if len(viewer_ids) == 2 and conversation_id in hooks.list_new_pair_ids(next(iter(viewer_ids))):
        return [_event_about_oneself(conversation_id, pk, read_markers) for pk in sorted(viewer_ids)]
    visibility = privacy.visibility_for(viewer_ids)
    # The usual case: no viewer hides from another viewer or blocks another. Then nearly all viewers share one event.
    if not any(_hides_from_any(visibility[pk], viewer_ids - {pk}) for pk in viewer_ids & visibility.keys()):
        event = schemas.viewers_event(conversation_id, len(viewer_ids), read_markers)
        event.skip_users = tuple(viewer_ids - read_markers.keys())
        return [event, *_events_without_readers(conversation_id, viewer_ids, read_markers)]
    shown_ids = {pk for pk in viewer_ids if visibility.get(pk, UNRESTRICTED).presence != NO_USERS}
    events: list[Event] = []
    for viewer_id in sorted(viewer_ids):
        visible_ids = {pk for pk in shown_ids if pk == viewer_id or can_see(visibility, viewer_id, pk, "presence")}
        visible_markers = {
            pk: seq
            for pk, seq in read_markers.items()
            if pk in visible_ids
            and viewer_id in read_markers
            and (pk == viewer_id or can_see(visibility, viewer_id, pk, "receipts"))
        }
        event = schemas.viewers_event(conversation_id, len(visible_ids), visible_markers)
        events.append(EphemeralEvent(f"user.{viewer_id}", event.text, event.key))
    return events


def _event_about_oneself(conversation_id: int, user_id: int, read_markers: dict[int, int]) -> Event:
    markers = {user_id: read_markers[user_id]} if user_id in read_markers else {}
    event = schemas.viewers_event(conversation_id, 1, markers)
    return EphemeralEvent(f"user.{user_id}", event.text, event.key)


def _hides_from_any(visibility: Visibility, other_ids: set[int]) -> bool:
    """Returns whether a user with this visibility hides presence or read receipts from any of the users `other_ids`.

    Also returns True if the user has blocked one of them or is blocked by one of them.
    """
    is_limited = any(
        shown_to is not None and not other_ids <= shown_to for shown_to in (visibility.presence, visibility.receipts)
    )
    return is_limited or visibility.presence == NO_USERS or bool(visibility.blocked & other_ids)


def _events_without_readers(
    conversation_id: int, viewer_ids: set[int], read_markers: dict[int, int]
) -> list[EphemeralEvent]:
    """Returns the `viewers` events for those viewers of a conversation who hide what they have read.

    These events do not contain what other viewers have read: a user who hides this does not see it of others either.
    """
    event = schemas.viewers_event(conversation_id, len(viewer_ids), {})
    return [EphemeralEvent(f"user.{pk}", event.text, event.key) for pk in sorted(viewer_ids - read_markers.keys())]
