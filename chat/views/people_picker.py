"""Lets a user search for other users and select several of them, for example the members of a new group.

The ids of the selected users are in the URL, so it works without scripts and with the back button.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from accounts.selectors import privacy
from accounts.selectors.user_search import search_users
from chat import selectors
from chat.views.common import get_search_query
from chat.views.decorators import AuthenticatedRequest
from messenger.core.numbers import parse_id

if TYPE_CHECKING:
    from accounts.models import User

MAX_SELECTED = 50  # ids that fit into a URL
MAX_RESULTS, MAX_SEARCHED = 20, 40  # search results that are shown, and those read before members are filtered out


class PickRow(NamedTuple):
    """A user who can be selected. `url` opens the same page with this user selected, or no longer selected."""

    user: User
    url: str
    is_selected: bool


class PeoplePicker:
    """Lets a user search for other users and select several of them, for example the members of a new group.

    The request has the search text (`?q=`) and the ids of the selected users (`?user=`, or `user_ids` of a posted
    form). The search does not find members of the conversation `exclude_members_of`. With `suggest_without_query`, some
    users are shown even if there is no search text.
    """

    def __init__(
        self,
        request: AuthenticatedRequest,
        *,
        exclude_members_of: int | None = None,
        suggest_without_query: bool = False,
    ):
        self.q = get_search_query(request)
        self._user_id = request.user.pk
        self._suggest_without_query = suggest_without_query
        self._conversation_id = exclude_members_of
        texts = request.POST.getlist("user_ids") or request.GET.getlist("user")
        self._ids = list(dict.fromkeys(user_id for text in texts if (user_id := parse_id(text))))[:MAX_SELECTED]

    @cached_property
    def selected(self) -> list[User]:
        """The selected users, without those whose privacy settings hide them from the current user.

        Otherwise anybody could put the id of a hidden user into the URL and would see the name of this user.
        """
        users = privacy.discoverable_users(self._user_id, self._ids)
        excluded = self._filter_members(users) | {self._user_id}
        return [users[user_id] for user_id in self._ids if user_id in users and user_id not in excluded]

    @cached_property
    def results(self) -> list[User]:
        """The users that the search has found.

        Selected users stay in this list, so that the rows do not move when a user is selected.
        """
        if not self.q and not self._suggest_without_query:
            return []
        users = search_users(self._user_id, self.q, limit=MAX_SEARCHED)
        excluded = self._filter_members(user.pk for user in users)
        return [user for user in users if user.pk not in excluded][:MAX_RESULTS]

    def _filter_members(self, user_ids: Iterable[int]) -> set[int]:
        return selectors.filter_members(self._conversation_id, user_ids) if self._conversation_id is not None else set()

    @property
    def is_full(self) -> bool:
        return len(self.selected) >= MAX_SELECTED

    # ── Links to the same page with another selection ───
    def result_rows(self) -> list[PickRow]:
        """Returns a row for each search result."""
        return [PickRow(user, self._toggle_url(user), user in self.selected) for user in self.results]

    def selected_links(self) -> list[tuple[User, str]]:
        """Returns each selected user with the URL of the same page on which this user is not selected."""
        return [(user, self._toggle_url(user)) for user in self.selected]

    def _toggle_url(self, user: User) -> str:
        others = [other for other in self.selected if other != user]
        return self._url(others if user in self.selected else [*others, user], self.q)

    @staticmethod
    def _url(users: list[User], query: str) -> str:
        return "?" + urlencode([("q", query), *(("user", user.pk) for user in users)])
