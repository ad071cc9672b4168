"""The base class of the admin pages of chat, and functions that render fields on these pages.

The pages do not allow editing, and their lists have a maximum length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import messenger.core.path_converters  # noqa: F401  (registers <id:…>)
from audit import actions as audit
from chat.models import Conversation, Membership
from messenger.core.admin_confirmation import is_dangerous
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError, error_message
from messenger.core.excerpts import shorten
from messenger.core.read_only_admin import ReadOnlyAdmin

MAX_LISTED_ROWS = 1000  # rows in all pages of a list; a search finds older ones
MAX_ACTION_ROWS = 200  # rows of one action
HIDING_QUESTION = gettext_lazy("Hidden messages disappear for everyone. You can restore them later.")


def get_user_id(request: HttpRequest) -> int:
    assert request.user.pk is not None  # admin views require a signed-in user
    return request.user.pk


def log_private_reading(request: HttpRequest, conversations: Iterable[Conversation]) -> None:
    """Notes in the audit log that the user has looked into these direct conversations.

    Each conversation gets one entry.
    """
    with write_transaction():
        for conversation in {each.pk: each for each in conversations}.values():
            audit.record("conversation.read", get_user_id(request), conversation, conversation_id=conversation.pk)


class BoundedPaginator(Paginator):
    """A paginator that counts at most MAX_LISTED_ROWS rows, because `COUNT(*)` over millions of rows takes seconds."""

    @cached_property
    def count(self) -> int:
        return self.object_list[:MAX_LISTED_ROWS].count()  # type: ignore[attr-defined]


class ReadOnlyModelAdmin(ReadOnlyAdmin):
    """Shows rows that cannot be edited in a form. Only admin actions (such as "hide") can change the rows.

    `buttons` are the names of the admin actions for which the page of one row has a button.
    """

    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ()
    buttons: tuple[str, ...] = ()
    change_form_template = "admin/chat/change_form.html"

    class Media:
        css = {"all": ["css/admin.css"]}

    # ── The page of a row ────────────────────────────────────────────────────────────────────────────────────────────
    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [path("<id:pk>/act/", self.admin_site.admin_view(self.action_view), name=name), *super().get_urls()]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Shows the admin page of one row, with a button for each admin action that is possible for this row.

        Users who may not view the row are rejected by Django.
        """
        context = dict(extra_context or {})
        if row := self.get_object(request, object_id):
            context |= {
                "buttons": self._get_buttons(request, row),
                "dangerous": self._get_dangerous_actions(request),
                "action_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_act", args=[row.pk]),
                "title": self.describe(row),
                "subtitle": "",
            }
        return super().change_view(request, object_id, form_url, context)

    def describe(self, row: Any) -> str:
        """Returns the title of the page of a row, which also names the row in questions and error messages."""
        return str(row)

    def _get_buttons(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        """Returns the name and label of each admin action that the user may run on this row."""
        allowed = self._get_allowed_actions(request)
        return [(name, allowed[name][2]) for name in self.buttons if name in allowed and self.is_applicable(name, row)]

    def _get_allowed_actions(self, request: HttpRequest) -> dict[str, tuple[Callable, str, str]]:
        """Returns the admin actions that the user may run, as a dict: name → (function, name, label)."""
        return {name: action for name, action in self.get_actions(request).items() if action}

    def _get_dangerous_actions(self, request: HttpRequest) -> set[str]:
        """Returns the names of those admin actions whose buttons are red."""
        return {name for name, action in self._get_allowed_actions(request).items() if is_dangerous(action[0])}

    def is_applicable(self, action_name: str, row: Any) -> bool:
        """Returns True if the admin action is possible for this row in its current state.

        For example, a message that is hidden already cannot be hidden again.
        """
        return True

    def action_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Runs an admin action on the row with the primary key `pk`.

        The buttons on the page of the row post the name of the action in the field `act`. Shows the page with the
        question if the action asks first.
        """
        allowed = self._get_allowed_actions(request)
        name = request.POST.get("act", "")
        if name not in self.buttons or name not in allowed:
            raise PermissionDenied
        response = allowed[name][0](self, request, self.get_queryset(request).filter(pk=pk))
        return response or redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", pk)

    # ── Actions ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def run_for_each(self, request: HttpRequest, rows: Iterable[Any], function: Callable[[Any], None]) -> int:
        """Calls `function` with each row, and returns how many calls raised no ApplicationError.

        The messages of these errors are shown on the page. Each call runs in its own transaction. Entries that
        `function` writes to the audit log are stored in the same transaction.
        """
        selected = list(rows[: MAX_ACTION_ROWS + 1]) if isinstance(rows, QuerySet) else list(rows)
        if len(selected) > MAX_ACTION_ROWS:
            self.message_user(request, _("At most %(most)d at once.") % {"most": MAX_ACTION_ROWS}, messages.ERROR)
            return 0
        succeeded = 0
        for row in selected:
            try:
                with write_transaction():
                    function(row)
            except ApplicationError as error:
                self.message_user(request, f"{self.describe(row)}: {error_message(error)}", messages.ERROR)
            else:
                succeeded += 1
        return succeeded


# ── Rendering of fields ──────────────────────────────────────────────────────────────────────────────────────────
# Names and texts come from users. Always escape them, and isolate their writing direction: a right-to-left character
# must not reverse the text around them.
def render_text(text: str) -> SafeString:
    return format_html("<bdi>{}</bdi>", text)


def render_excerpt(text: str) -> SafeString:
    return render_text(shorten(text))


def render_block(text: str) -> SafeString:
    """Renders a text that a user has written as HTML.

    Line breaks are kept. Markdown and links are shown as they were typed.
    """
    return format_html('<div class="said" dir="auto">{}</div>', text) if text else render_text("—")


def render_link(row: Model | None, text: str) -> SafeString:
    """Renders `text` as a link to the admin page of `row`. If there is no such admin page, renders only the text."""
    if row is None:
        return render_text("—")
    try:
        url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return render_text(text)
    return format_html('<a href="{}">{}</a>', url, render_text(text))


def render_user_link(user: Any) -> SafeString:
    return render_link(user, user.username if user else "")


def prefetch_direct_members(prefix: str = "") -> Prefetch:
    """Returns a `Prefetch` that loads the two members of each direct conversation, in one query for all rows of a list.

    `conversation_title` needs these members. Members of groups are not loaded. `prefix` is the look-up path from the
    rows to their conversations, such as `conversation__`.
    """
    rows = Membership.objects.filter(conversation__kind=Conversation.Kind.DIRECT).select_related("user").order_by("pk")
    return Prefetch(f"{prefix}memberships", queryset=rows, to_attr="direct_memberships")


def conversation_title(conversation: Conversation) -> str:
    """Returns the title of a group. For a direct conversation it returns the user names of both members."""
    if conversation.kind == Conversation.Kind.GROUP:
        return conversation.title
    memberships = getattr(conversation, "direct_memberships", None)
    if memberships is None:
        memberships = conversation.memberships.select_related("user").order_by("pk")
    return " ↔ ".join(membership.user.username for membership in memberships)
