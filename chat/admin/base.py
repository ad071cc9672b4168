"""What these screens share: rows to look at, lists that stay cheap however many rows there are, acts with their log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

import messenger.core.path_converters  # noqa: F401  (the `id` in paths)
from chat.models import Conversation, Membership
from chat.views.decorators import reason
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError

LISTED = 1000  # rows that a list pages through; who wants older ones narrows the search
AT_ONCE = 200  # rows that one act is done to
EXCERPT = 120  # characters of a text in a list


def me(request: HttpRequest) -> int:
    """Whoever sits at the admin; its views have asked for that."""
    assert request.user.pk is not None
    return request.user.pk


class Bounded(Paginator):
    """Counts no further than it shows: `COUNT(*)` over millions of rows would take seconds, and say nothing useful."""

    @cached_property
    def count(self) -> int:
        return self.object_list[:LISTED].count()  # type: ignore[attr-defined]


class Looking(admin.ModelAdmin):
    """Rows to look at. What may be done to them are admin actions, which call verbs; `buttons` names those that a
    row's own page offers too."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count all rows of each choice
    paginator = Bounded
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ()
    buttons: tuple[str, ...] = ()
    change_form_template = "admin/chat/change_form.html"

    class Media:
        css = {"all": ["css/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # ── A row's own page ─────────────────────────────────────────────────────────────────────────────────────────
    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [path("<id:pk>/act/", self.admin_site.admin_view(self.act_view), name=name), *super().get_urls()]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """With the buttons. Who may not look at all is told so by Django."""
        more = dict(extra_context or {})
        if row := self.get_object(request, object_id):
            more |= {
                "buttons": self._offered(request, row),
                "act_at": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_act", args=[row.pk]),
                "title": self.opts.verbose_name,
            }
        return super().change_view(request, object_id, form_url, more)

    def _offered(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        allowed = self._allowed(request)
        return [(name, allowed[name][2]) for name in self.buttons if name in allowed and self.makes_sense(name, row)]

    def _allowed(self, request: HttpRequest) -> dict[str, tuple[Callable, str, str]]:
        """Name → function, name, words: the actions that this person may take."""
        return {name: action for name, action in self.get_actions(request).items() if action}

    def makes_sense(self, act: str, row: Any) -> bool:
        return True

    def act_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A button of a row's page: the action of that name, done to this row."""
        allowed = self._allowed(request)
        name = request.POST.get("act", "")
        if name not in self.buttons or name not in allowed:
            raise PermissionDenied
        allowed[name][0](self, request, self.get_queryset(request).filter(pk=pk))
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", pk)

    # ── Acts ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def act_on(self, request: HttpRequest, rows: Iterable[Any], act: Callable[[Any], None]) -> int:
        """`act` on each row, in a transaction of its own with what it logs. Says how many; refusals are shown."""
        chosen = list(rows[: AT_ONCE + 1]) if isinstance(rows, QuerySet) else list(rows)
        if len(chosen) > AT_ONCE:
            self.message_user(request, _("At most %(most)d at once.") % {"most": AT_ONCE}, messages.ERROR)
            return 0
        done = 0
        for row in chosen:
            try:
                with write_transaction():
                    act(row)
            except ApplicationError as refused:
                self.message_user(request, f"{row}: {reason(refused)}", messages.ERROR)
            else:
                done += 1
        return done


# ── Words and links ──────────────────────────────────────────────────────────────────────────────────────────────
# Names and texts are whatever somebody made them: always escaped, and kept from turning around what stands beside them.
def words(text: str) -> SafeString:
    return format_html("<bdi>{}</bdi>", text)


def excerpt(text: str) -> SafeString:
    line = " ".join(text.split())
    return words(line if len(line) <= EXCERPT else f"{line[: EXCERPT - 1]}…")


def block(text: str) -> SafeString:
    """A text as it was written: line by line, no Markdown, nothing to click."""
    return format_html('<div class="said" dir="auto">{}</div>', text) if text else words("—")


def link(row: Model | None, text: str) -> SafeString:
    """To the page of a row, for whoever sees more there; its name alone if it has no page."""
    if row is None:
        return words("—")
    try:
        url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return words(text)
    return format_html('<a href="{}">{}</a>', url, words(text))


def person(user: Any) -> SafeString:
    return link(user, user.username if user else "")


def pairs_with_people(prefix: str = "") -> Prefetch:
    """The two people of each pair, and nobody of groups, for `title`: one query for a list."""
    rows = Membership.objects.filter(conversation__kind=Conversation.Kind.DIRECT).select_related("user").order_by("pk")
    return Prefetch(f"{prefix}memberships", queryset=rows, to_attr="pair_rows")


def title(conversation: Conversation) -> str:
    """A group's title; of a pair, both user names."""
    if conversation.kind == Conversation.Kind.GROUP:
        return conversation.title
    rows = getattr(conversation, "pair_rows", None)
    if rows is None:
        rows = conversation.memberships.select_related("user").order_by("pk")
    return " ↔ ".join(row.user.username for row in rows)
