"""Admin pages of messages. Moderators search messages, hide them and restore them.

The page of a message also shows the messages before and after it in the conversation.
"""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import skeleton
from chat import actions
from chat.admin import base
from chat.message_kinds import KINDS
from chat.models import Conversation, Message, Report, ReportCase
from chat.schemas import message_schema
from messenger.core.admin_confirmation import asks_first, get_reason
from messenger.core.excerpts import shorten
from messenger.core.numbers import parse_id

MAX_SEARCHED_MESSAGES = 200_000  # newest messages that a search reads, unless it is limited to one conversation
MESSAGES_AROUND = 10  # messages shown before and after one
CASES = ReportCase.objects.filter(message=OuterRef("pk"))
ARIA_CURRENT = SafeString(' aria-current="true"')

_MESSAGE_ID = re.compile(r"(?:\S*/m/|id:)(\d+)\S*")  # the URL of a message, or `id:` and its id
_CONVERSATION_ID = re.compile(r"(?:\S*/c/|in:)(\d+)\S*")  # the URL of a conversation, or `in:` and its id
_SENDER = re.compile(r"from:(\S+)")


class StateFilter(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "state"
    _conditions = {
        "there": Q(deleted_at=None),
        "hidden": Q(deleted_at__isnull=False, hidden_by__isnull=False),
        "recalled": Q(deleted_at__isnull=False, hidden_by=None),
        "reported": Q(report_cases__settled_at=None, report_cases__isnull=False),
    }

    def lookups(self, request, model_admin):
        return [
            ("there", _("Active")),
            ("hidden", _("Hidden")),
            ("recalled", _("Deleted by the sender")),
            ("reported", _("Reported, unresolved")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        condition = self._conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition).distinct()


@admin.register(Message)
class MessageAdmin(base.ReadOnlyModelAdmin):
    list_display = ("id", "text_excerpt", "sender_link", "conversation_link", "kind", "created_at", "state")
    list_display_links = ("id", "text_excerpt")
    list_filter = ("kind", StateFilter, "created_at")
    list_select_related = ("conversation", "sender", "hidden_by")
    ordering = ("-pk",)
    search_fields = ("body",)
    search_help_text = _(
        "Words in the message. from:alice finds messages by alice, in:12 messages in a conversation, id:345 or a "
        "link a single message. Searches the newest 200,000 messages, or with in: the whole conversation."
    )
    actions = ("hide", "restore")
    buttons = ("hide", "restore")
    fields = readonly_fields = (
        *("conversation_link", "sender_link", "text", "state", "kind"),
        *("created_at", "edited_at", "deleted_at", "pinned_at"),
        *("replied_message", "forwarded_from", "earlier_versions", "report_list", "surrounding_messages"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Returns the messages that the user may read; moderators see direct messages only if they were reported."""
        rows = super().get_queryset(request).annotate(is_reported=Exists(CASES))
        if not request.user.is_superuser:
            rows = rows.filter(Q(conversation__kind=Conversation.Kind.GROUP) | Q(is_reported=True))
        return rows.prefetch_related(base.prefetch_direct_members("conversation__"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        """Returns the messages that match the search term.

        With `in:12` in the search term, only messages of the conversation with the id 12 are searched; otherwise only
        the newest MAX_SEARCHED_MESSAGES messages of the site. Django also calls this method with an empty search term,
        to list messages.
        """
        text = strip_unstorable(search_term)
        if text.strip():  # a search shows the texts of direct conversations too, and is noted in the log
            queryset = queryset.annotate(is_search_result=Value(True))
        message_id, text = _extract_id(_MESSAGE_ID, text)
        if message_id is not None:
            return queryset.filter(pk=message_id), False
        conversation_id, text = _extract_id(_CONVERSATION_ID, text)
        if conversation_id is not None:
            queryset = queryset.filter(conversation=conversation_id).order_by("-seq")
        else:
            newest = Message.objects.aggregate(pk=Max("pk"))["pk"] or 0
            queryset = queryset.filter(pk__gt=newest - MAX_SEARCHED_MESSAGES)
        if sender := _SENDER.search(text):
            queryset = queryset.filter(sender__username_key=skeleton(sender[1].removeprefix("@")))
            text = _SENDER.sub(" ", text)
        for word in text.split():
            queryset = queryset.filter(body__icontains=word)
        return queryset, False

    # ── Reading direct conversations ─────────────────────────────────────────────────────────────────────────────────
    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if request.method == "GET" and "cl" in context:
            rows = context["cl"].result_list
            base.log_private_reading(request, [row.conversation for row in rows if _is_private(row) and _is_read(row)])
        return response

    def change_view(self, request, object_id, form_url="", extra_context=None) -> HttpResponse:
        response = super().change_view(request, object_id, form_url, extra_context)
        message = (getattr(response, "context_data", None) or {}).get("original")
        if message and message.conversation.kind == Conversation.Kind.DIRECT:
            base.log_private_reading(request, [message.conversation])
        return response

    # ── Actions ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.moderate_message")

    def is_applicable(self, action_name: str, row: Message) -> bool:
        if action_name == "hide":
            return row.deleted_at is None and "hide" in KINDS[row.kind].actions
        return row.deleted_at is not None and row.hidden_by_id is not None

    @asks_first(base.HIDING_QUESTION)
    @admin.action(description=_("Hide for everyone"), permissions=["moderate"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        def run(message: Message) -> None:
            actions.hide_message(base.get_user_id(request), message.pk, get_reason(request))

        if count := self.run_for_each(request, queryset.filter(deleted_at=None), run):
            text = ngettext("%d message hidden.", "%d messages hidden.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    @admin.action(description=_("Restore for everyone"), permissions=["moderate"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        def run(message: Message) -> None:
            actions.restore_message(base.get_user_id(request), message.pk, get_reason(request))

        if count := self.run_for_each(request, queryset.filter(deleted_at__isnull=False), run):
            text = ngettext("%d message restored.", "%d messages restored.", count) % count
            self.message_user(request, text, messages.SUCCESS)

    # ── Columns and fields ───────────────────────────────────────────────────────────────────────────────────────────
    def describe(self, row: Message) -> str:
        return _("Message %(id)s by %(name)s") % {"id": row.pk, "name": row.sender.username}

    @admin.display(description=_("text"))
    def text_excerpt(self, row: Message) -> SafeString:
        if _is_private(row) and not _is_read(row):
            return format_html("<i>{}</i>", _("in a direct conversation"))
        return base.render_excerpt(row.body) if KINDS[row.kind].is_written else base.render_text(_event_text(row))

    @admin.display(description=_("text"))
    def text(self, row: Message) -> SafeString:
        return _render_content(row)

    @admin.display(description=_("sender"))
    def sender_link(self, row: Message) -> SafeString:
        return base.render_user_link(row.sender)

    @admin.display(description=_("conversation"))
    def conversation_link(self, row: Message) -> SafeString:
        return base.render_link(row.conversation, base.conversation_title(row.conversation))

    @admin.display(description=_("status"))
    def state(self, row: Message) -> Any:
        return message_state(row)

    @admin.display(description=_("reply to"))
    def replied_message(self, row: Message) -> SafeString:
        message = row.reply_to
        text = f"{message.sender.username}: {shorten(message.body)}" if message else ""
        return base.render_link(message, text)

    @admin.display(description=_("forwarded from"))
    def forwarded_from(self, row: Message) -> SafeString:
        return base.render_user_link(row.forwarded_sender)

    @admin.display(description=_("earlier versions"))
    def earlier_versions(self, row: Message) -> SafeString:
        revisions = row.revisions.all()[: base.MAX_ACTION_ROWS]
        texts = ((base.render_block(revision.body),) for revision in revisions)
        return format_html_join("", "{}", texts) or base.render_text("—")

    @admin.display(description=_("reports"))
    def report_list(self, row: Message) -> SafeString:
        reports = Report.objects.filter(case__message=row).select_related("case", "reporter").order_by("-pk")
        items = (
            (base.render_link(report.case, report.reporter.username), base.render_text(report.reason))
            for report in reports[: base.MAX_ACTION_ROWS]
        )
        return format_html_join("", "<p>{}: {}</p>", items) or base.render_text("—")

    @admin.display(description=_("context"))
    def surrounding_messages(self, row: Message) -> SafeString:
        """Renders this message and the messages before and after it, so that moderators see the context.

        Each of these messages links to its own admin page.
        """
        messages = Message.objects.filter(conversation=row.conversation_id).select_related("sender", "hidden_by")
        if row.conversation.kind == Conversation.Kind.DIRECT:
            # Only what the report contains, also for superusers.
            contexts = ReportCase.objects.filter(message=row).values_list("context", flat=True)
            messages = messages.filter(pk__in={copy["id"] for context in contexts for copy in context})
        before = messages.filter(seq__lt=row.seq).order_by("-seq")[:MESSAGES_AROUND]
        after = messages.filter(seq__gt=row.seq).order_by("seq")[:MESSAGES_AROUND]
        return format_html(
            '<ol class="around">{}</ol>',
            format_html_join(
                "",
                '<li{}><a href="../../{}/change/"><time>{}</time></a> <b>{}</b> {}{}</li>',
                (
                    (
                        ARIA_CURRENT if message.pk == row.pk else "",
                        message.pk,
                        f"{message.created_at:%Y-%m-%d %H:%M}",
                        base.render_text(message.sender.username),
                        _render_content(message),
                        format_html(" <i>{}</i>", message_state(message)) if message.deleted_at else "",
                    )
                    for message in [*reversed(before), row, *after]
                ),
            ),
        )


def _is_private(row: Message) -> bool:
    """Returns whether the message is in a direct conversation and was not reported. Only administrators see it."""
    return row.conversation.kind == Conversation.Kind.DIRECT and not row.is_reported  # type: ignore[attr-defined]


def _is_read(row: Message) -> bool:
    """Returns whether a row of the list shows the text of a private message: only in the results of a search."""
    return getattr(row, "is_search_result", False)


def message_state(row: Message) -> Any:
    """Returns what an admin page shows about the state of a message.

    It is "edited", "removed because of its age", "deleted by the sender", "hidden by" with the name of the user, or ""
    for an unchanged message.
    """
    if row.deleted_at is None:
        return _("edited") if row.edited_at else ""
    if row.seq <= row.conversation.removed_seq:
        return _("removed because of its age")
    if row.hidden_by is None:
        return _("deleted by the sender")
    return _("hidden by %(name)s") % {"name": row.hidden_by.username}


def _render_content(row: Message) -> SafeString:
    return base.render_block(row.body if KINDS[row.kind].is_written else _event_text(row))


def _event_text(row: Message) -> str:
    """Returns the stored data of a system message as text, for example `renamed Old New`.

    The admin does not translate the data into a sentence such as "Ann renamed the group". Only the page of the
    conversation does this.
    """
    event = row.event or {}
    if row.event and (describe := KINDS[row.kind].describe):
        return describe(message_schema(row, fresh=True), False)
    return " ".join(str(event[key]) for key in ("name", "old", "new") if event.get(key))


def _extract_id(pattern: re.Pattern, text: str) -> tuple[int | None, str]:
    """Searches for `pattern` (such as `in:12`) in a search term. Returns the id in it, and the rest of the term.

    The id is None if the pattern is not found. It is 0, which matches no row, if the number is too large for an id.
    """
    match = pattern.search(text)
    if match is None:
        return None, text
    return parse_id(match[1]) or 0, pattern.sub(" ", text)
