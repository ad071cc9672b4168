"""Finding a message, reading it among those around it, hiding it and bringing it back."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin, messages
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.text.usernames import skeleton, storable
from chat import actions as verbs
from chat.admin import base
from chat.models import Message
from messenger.core.path_converters import MAX_ID

LOOK_BACK = 200_000  # newest messages that a list goes through, unless it is of one conversation
AROUND = 10  # messages shown before and after
HERE = SafeString(' aria-current="true"')

_ADDRESS = re.compile(r"(?:\S*/m/|id:)(\d+)\S*")  # a message's own link, or its number
_PLACE = re.compile(r"(?:\S*/c/|in:)(\d+)\S*")  # a conversation's
_SENDER = re.compile(r"from:(\S+)")


class State(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"
    _meaning = {
        "there": Q(deleted_at=None),
        "hidden": Q(deleted_at__isnull=False, hidden_by__isnull=False),
        "recalled": Q(deleted_at__isnull=False, hidden_by=None),
        "reported": Q(reports__settled_at=None, reports__isnull=False),
    }

    def lookups(self, request, model_admin):
        return [
            ("there", _("There")),
            ("hidden", _("Hidden")),
            ("recalled", _("Recalled by its writer")),
            ("reported", _("Reported, not settled")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        meaning = self._meaning.get(self.value() or "")
        return queryset if meaning is None else queryset.filter(meaning).distinct()


@admin.register(Message)
class MessageAdmin(base.Looking):
    list_display = ("id", "said", "sender_link", "place", "kind", "created_at", "state")
    list_display_links = ("id", "said")
    list_filter = ("kind", State, "created_at")
    list_select_related = ("conversation", "sender", "hidden_by")
    ordering = ("-pk",)
    search_fields = ("body",)
    search_help_text = _(
        "Words of the text. from:alice for what she wrote, in:12 for a conversation, id:345 or a link for one message."
        " The newest 200,000 messages are looked through, with in: all of that conversation."
    )
    actions = ("hide", "restore")
    buttons = ("hide", "restore")
    fields = readonly_fields = (
        *("place", "sender_link", "text", "state", "kind", "created_at", "edited_at", "deleted_at", "pinned_at"),
        *("answers", "forwarded", "earlier", "reports", "around"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).prefetch_related(base.pairs_with_people("conversation__"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        """Always asked, also without words: so no list, filtered or not, ever goes through more than LOOK_BACK rows."""
        text = storable(search_term)
        one, text = _number(_ADDRESS, text)
        if one is not None:
            return queryset.filter(pk=one), False
        place, text = _number(_PLACE, text)
        if place is not None:
            queryset = queryset.filter(conversation=place).order_by("-seq")
        else:
            newest = Message.objects.aggregate(pk=Max("pk"))["pk"] or 0
            queryset = queryset.filter(pk__gt=newest - LOOK_BACK)
        if sender := _SENDER.search(text):
            queryset = queryset.filter(sender__username_key=skeleton(sender[1].removeprefix("@")))
            text = _SENDER.sub(" ", text)
        for word in text.split():
            queryset = queryset.filter(body__icontains=word)
        return queryset, False

    # ── Acts ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.moderate_message")

    def makes_sense(self, act: str, row: Message) -> bool:
        if act == "hide":
            return row.deleted_at is None and row.kind == Message.Kind.TEXT
        return row.deleted_at is not None and row.hidden_by_id is not None

    @admin.action(description=_("Hide from everybody, at once"), permissions=["moderate"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        def act(message: Message) -> None:
            verbs.hide(base.me(request), message.pk)
            self.log_change(request, message, "Hidden.")

        if done := self.act_on(request, queryset.filter(deleted_at=None), act):
            told = ngettext("%d message is hidden.", "%d messages are hidden.", done) % done
            self.message_user(request, told, messages.SUCCESS)

    @admin.action(description=_("Restore for everybody"), permissions=["moderate"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        def act(message: Message) -> None:
            verbs.restore(base.me(request), message.pk)
            self.log_change(request, message, "Restored.")

        if done := self.act_on(request, queryset.filter(deleted_at__isnull=False), act):
            told = ngettext("%d message is restored.", "%d messages are restored.", done) % done
            self.message_user(request, told, messages.SUCCESS)

    # ── Columns and fields ───────────────────────────────────────────────────────────────────────────────────────
    @admin.display(description=_("text"))
    def said(self, row: Message) -> SafeString:
        return base.excerpt(row.body) if row.kind == Message.Kind.TEXT else base.words(_event(row))

    @admin.display(description=_("text"))
    def text(self, row: Message) -> SafeString:
        return base.block(row.body if row.kind == Message.Kind.TEXT else _event(row))

    @admin.display(description=_("sender"))
    def sender_link(self, row: Message) -> SafeString:
        return base.person(row.sender)

    @admin.display(description=_("conversation"))
    def place(self, row: Message) -> SafeString:
        return base.link(row.conversation, f"{base.title(row.conversation)} ({row.conversation_id}/{row.seq})")

    @admin.display(description=_("state"))
    def state(self, row: Message) -> Any:
        return state(row)

    @admin.display(description=_("answers"))
    def answers(self, row: Message) -> SafeString:
        quoted = row.reply_to
        return base.link(quoted, f"{quoted.sender.username}: {quoted.body[: base.EXCERPT]}" if quoted else "")

    @admin.display(description=_("forwarded from"))
    def forwarded(self, row: Message) -> SafeString:
        return base.person(row.forwarded_sender)

    @admin.display(description=_("said before"))
    def earlier(self, row: Message) -> SafeString:
        rows = row.revisions.all()[: base.AT_ONCE]
        return format_html_join("", "{}", ((base.block(each.body),) for each in rows)) or base.words("—")

    @admin.display(description=_("reports"))
    def reports(self, row: Message) -> SafeString:
        rows = row.reports.select_related("reporter").order_by("-pk")[: base.AT_ONCE]
        listed = ((base.link(each, each.reporter.username), base.words(each.reason)) for each in rows)
        return format_html_join("", "<p>{}: {}</p>", listed) or base.words("—")

    @admin.display(description=_("around it"))
    def around(self, row: Message) -> SafeString:
        """What was said before and after, so that it is judged in its place. Each line leads to its own page."""
        near = Message.objects.filter(conversation=row.conversation_id).select_related("sender", "hidden_by")
        before = near.filter(seq__lt=row.seq).order_by("-seq")[:AROUND]
        after = near.filter(seq__gt=row.seq).order_by("seq")[:AROUND]
        lines = [*reversed(before), row, *after]
        return format_html(
            '<ol class="around">{}</ol>',
            format_html_join(
                "",
                '<li{}><a href="../../{}/change/"><time>{}</time></a> <b>{}</b> {}{}</li>',
                (
                    (
                        HERE if each.pk == row.pk else "",
                        each.pk,
                        f"{each.created_at:%Y-%m-%d %H:%M}",
                        base.words(each.sender.username),
                        base.block(each.body if each.kind == Message.Kind.TEXT else _event(each)),
                        format_html(" <i>{}</i>", state(each)) if each.deleted_at else "",
                    )
                    for each in lines
                ),
            ),
        )


def state(row: Message) -> Any:
    if row.deleted_at is None:
        return _("edited") if row.edited_at else ""
    if row.hidden_by is None:
        return _("recalled by its writer")
    return _("hidden by %(name)s") % {"name": row.hidden_by.username}


def _event(row: Message) -> str:
    """A system line, as it is stored; its page has words for it."""
    event = row.event or {}
    return " ".join(str(event[key]) for key in ("name", "old", "new") if event.get(key))


def _number(pattern: re.Pattern, text: str) -> tuple[int | None, str]:
    """The number that the pattern finds, and the text without it. What is no id of ours finds nothing."""
    match = pattern.search(text)
    if match is None:
        return None, text
    number = int(match[1]) if len(match[1]) <= len(str(MAX_ID)) else 0
    return (number if number <= MAX_ID else 0), pattern.sub(" ", text)
