"""Choosing people, several at once: by address, so that it works without scripts and with the browser's way back."""

from __future__ import annotations

from functools import cached_property
from urllib.parse import urlencode

from accounts.models import User
from accounts.selectors import user_search as directory
from chat.models import Membership
from chat.views.common import number, question
from chat.views.decorators import PersonalRequest

CHOSEN = 50  # people that an address can carry


class Picking:
    """`?q=` is what is looked for, each `user` somebody chosen. `among_not`: members of this group are not offered."""

    def __init__(self, request: PersonalRequest, *, among_not: int | None = None, always: bool = False):
        self.me = request.user.pk
        self.q = question(request)
        self.always = always  # people are shown before anything is asked for
        self._group = among_not
        source = request.POST.getlist("user_ids") or request.GET.getlist("user")
        self._ids = list(dict.fromkeys(pk for text in source if (pk := number(text))))[:CHOSEN]

    @cached_property
    def chosen(self) -> list[User]:
        by_id = directory.reachable(self.me, self._ids)  # by number one learns of nobody who hides
        inside = self._inside(by_id) | {self.me}
        return [by_id[pk] for pk in self._ids if pk in by_id and pk not in inside]

    @cached_property
    def found(self) -> list[User]:
        if not self.q and not self.always:
            return []
        found = directory.find(self.me, self.q, limit=40)
        taken = self._inside(user.pk for user in found) | {user.pk for user in self.chosen}
        return [user for user in found if user.pk not in taken][:20]

    def _inside(self, ids) -> set[int]:
        if self._group is None:
            return set()
        rows = Membership.objects.filter(conversation_id=self._group, left_at=None, user__in=list(ids))
        return set(rows.values_list("user_id", flat=True))

    @property
    def full(self) -> bool:
        return len(self.chosen) >= CHOSEN

    # ── Addresses: the same page with one more, or one fewer ──
    def rows(self) -> list[tuple[User, str]]:
        """Those found, each with the address by which they are chosen."""
        return [(user, self._address([*self.chosen, user], "")) for user in self.found]

    def chips(self) -> list[tuple[User, str]]:
        """Those chosen, each with the address by which they are not."""
        return [(user, self._address([each for each in self.chosen if each != user], self.q)) for user in self.chosen]

    @staticmethod
    def _address(users: list[User], q: str) -> str:
        return "?" + urlencode([("q", q), *(("user", user.pk) for user in users)])
