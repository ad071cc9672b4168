"""Commands that were given before: a client_id is the name of one message, for ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from chat.actions.sending.locking import memberships
from chat.actions.sending.types import Outcome, Send, Sent
from chat.schemas import message_schema
from chat.selectors import messages_with_relations
from messenger.core import bulk_sql
from messenger.core.errors import ApplicationError, not_found


def answer_repeats(commands: Sequence[Send], places: list[int], outcomes: list[Outcome | None]) -> Callable[[], None]:
    """Known client_ids answer first, before anything else is asked. Also those that repeat inside this batch.

    What is answered is the message as it is when all is done; so this returns the answering, to be called last.
    """
    if not places:
        return lambda: None
    ids = bulk_sql.uuids([commands[place].client_id for place in places])
    known = {
        (sender_id, client_id): (digest, pk)
        for sender_id, client_id, digest, pk in bulk_sql.fetch(
            "SELECT sender_id, client_id, digest, id FROM chat_message"
            f" WHERE client_id IN {bulk_sql.placeholders(1, len(ids))}",
            ids,
        )
    }
    first: dict[tuple[int, Any], int] = {}
    again: list[tuple[int, int]] = []  # place in the batch, place of the first
    stored: dict[int, int] = {}  # place in the batch, message id
    for place, client_id in zip(list(places), ids, strict=True):
        command = commands[place]
        key = (command.user_id, client_id)
        if key in known:
            digest, pk = known[key]
            if digest != command.digest():
                outcomes[place] = _conflict()
            else:
                stored[place] = pk
            places.remove(place)
        elif key in first:
            if commands[first[key]].digest() != command.digest():
                outcomes[place] = _conflict()
            else:
                again.append((place, first[key]))
            places.remove(place)
        else:
            first[key] = place

    def answer() -> None:
        if stored:
            members = memberships({(commands[place].conversation_id, commands[place].user_id) for place in stored})
            messages = messages_with_relations().in_bulk(set(stored.values()))
            for place, pk in stored.items():
                if (commands[place].conversation_id, commands[place].user_id) in members:
                    outcomes[place] = Sent(message_schema(messages[pk]), created=False)
                else:
                    outcomes[place] = not_found()
        for place, earlier in again:
            outcome = outcomes[earlier]
            outcomes[place] = Sent(outcome.message, created=False) if isinstance(outcome, Sent) else outcome

    return answer


def _conflict() -> ApplicationError:
    return ApplicationError("conflict", _("This client_id was used for another message."))
