"""View model of the list of conversations from which a user chooses those that a message is forwarded to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from chat import selectors
from chat.schemas import ConversationSchema
from chat.view_models.conversation_list import matches_search
from chat.view_models.message_log import conversation_title, format_name_list

MAX_ROWS = 40  # other conversations are found by search


@dataclass(slots=True)
class ForwardTarget:
    """A conversation to which the user can forward a message.

    `refusal` is the reason why the message could not be forwarded to it, or "" if there was no such error.
    """

    conversation: ConversationSchema
    is_chosen: bool
    refusal: str

    @property
    def title(self) -> str:
        return conversation_title(self.conversation)


class ForwardTargets:
    """The conversations to which a user can forward a message: first those selected in the form, then the others.

    The others are sorted by newest activity. With a search text, only those that match it are listed; without a search
    text, archived conversations are left out.
    """

    def __init__(self, user_id: int, search_query: str, chosen_ids: Sequence[int]):
        self.user_id = user_id
        self.search_query = search_query.strip()[:80]
        self.chosen_ids = list(chosen_ids)
        self.refusals: dict[int, str] = {}
        self.sent_ids: list[int] = []

    @cached_property
    def _titles(self):
        return selectors.get_titles_by_conversation(self.user_id)

    def contains(self, conversation_ids: Collection[int]) -> bool:
        return all(conversation_id in self._titles for conversation_id in conversation_ids)

    def get_title(self, conversation_id: int) -> str:
        return self._titles[conversation_id].name

    def mark_refused(self, refusals: dict[int, str], sent_ids: Sequence[int]) -> None:
        """Marks the conversations to which the message could not be forwarded: they show an error and stay selected.

        `refusals` maps the id of each of these conversations to the error text. `sent_ids` are the conversations to
        which the message was forwarded; they are no longer selected.
        """
        self.refusals, self.sent_ids, self.chosen_ids = refusals, list(sent_ids), list(refusals)

    def format_names(self, conversation_ids: Collection[int]) -> str:
        return format_name_list([self.get_title(conversation_id) for conversation_id in conversation_ids])

    @property
    def sent_names(self) -> str:
        """The names of the conversations to which the message was forwarded, as one text."""
        return self.format_names(self.sent_ids)

    @cached_property
    def rows(self) -> list[ForwardTarget]:
        chosen_ids = [conversation_id for conversation_id in self.chosen_ids if conversation_id in self._titles]
        matching_ids = [
            summary.id
            for summary in selectors.list_conversation_summaries(self.user_id)
            if summary.id not in chosen_ids
            and (matches_search(self._titles[summary.id], self.search_query) or not self.search_query)
            and (not summary.archived or self.search_query)
        ]
        ids = [*chosen_ids, *matching_ids[:MAX_ROWS]]
        by_id = {row.id: row for row in selectors.list_conversations_by_id(self.user_id, ids)}
        return [ForwardTarget(by_id[pk], pk in self.chosen_ids, self.refusals.get(pk, "")) for pk in ids if pk in by_id]
