"""Template tags and filters for chat pages: navigation, messages, times, texts and emoji."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from html import unescape
from typing import Any

import msgspec
from django import template
from django.conf import settings
from django.template.loader import get_template
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext, pgettext

from accounts.text import pinyin
from chat import message_kinds as kinds
from chat import permissions, selectors
from chat.actions import reports
from chat.actions.groups import settings as group_settings
from chat.attachments import uploads
from chat.linked_pages import LinkedPage, list_conversation_pages, list_message_pages
from chat.models import ReportKind, Role
from chat.selectors.members import ROLE_RANK
from chat.text import autolink
from chat.text.language import get_lang_attribute
from chat.view_models import message_log, template_samples, times
from chat.view_models.conversation_list import LIST_RULES, ConversationList
from chat.view_models.rendered_messages import rendered_messages

register = template.Library()
register.filter("linkify", autolink.linkify)
register.filter("pinyin", pinyin.spell_pinyin)

_TAG = re.compile(r"<[^>]*>")
QUICK_EMOJI = ("👍", "❤️", "😂", "🎉", "👀", "🙏")  # offered before the emoji picker opens


@register.inclusion_tag("chat/list/_navigation_rail.html", takes_context=True)
def navigation_rail(context: template.Context, current: str = "") -> dict[str, Any]:
    """Renders the main navigation with the user's unread counts. `current` is the name of the selected entry."""
    request = context["request"]
    listing = context.get("listing") or ConversationList(request.user.pk, {})
    reports = selectors.count_open_reports(request.user)
    return {"listing": listing, "current": current, "user": request.user, "open_report_count": reports}


@register.simple_tag
def time_words() -> SafeString:
    return _data_attributes(times.time_words())


@register.simple_tag
def name_words() -> SafeString:
    return _data_attributes(message_log.name_words())


@register.simple_tag
def limit(name: str) -> int:
    """Returns a limit that the server checks, so that a page or a script can keep it: `{% limit "body" %}`.

    Texts are measured in characters.
    """
    limits = {
        "body": settings.BODY_LIMIT,
        "title": group_settings.TITLE_LIMIT,
        "reason": reports.REASON_LIMIT,
        "alt": uploads.MAX_ALT_LENGTH,
    }
    return limits[name]


@register.filter
def seconds_text(seconds: int) -> str:
    """Formats a duration of seconds, minutes or hours in words: "30 seconds", "5 minutes"."""
    if seconds < 60:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    if seconds < 3600:
        return ngettext("%(n)d minute", "%(n)d minutes", seconds // 60) % {"n": seconds // 60}
    return ngettext("%(n)d hour", "%(n)d hours", seconds // 3600) % {"n": seconds // 3600}


@register.simple_tag
def report_kinds() -> list[tuple[str, str]]:
    """Returns the kinds of report, with their labels."""
    return [(str(value), str(label)) for value, label in ReportKind.choices]


@register.simple_tag
def permission_rules() -> SafeString:
    return _data_attributes(permissions.client_rules())


@register.simple_tag
def message_kinds() -> SafeString:
    return _data_attributes(kinds.client_kinds())


@register.simple_tag
def role_order() -> str:
    """Returns the roles in the order of lists of members, for scripts."""
    roles: list[Role] = sorted(ROLE_RANK, key=lambda role: ROLE_RANK[role])
    return " ".join(roles)


@register.simple_tag
def list_rules() -> SafeString:
    return _data_attributes(LIST_RULES)


@register.simple_tag
def grouping_gaps() -> SafeString:
    return _data_attributes(message_log.client_gaps())


def _data_attributes(values: dict[str, str]) -> SafeString:
    return format_html_join("", ' data-{}="{}"', values.items())


@register.simple_tag
def quick_emoji() -> tuple[str, ...]:
    return QUICK_EMOJI


@register.filter
def lang_attribute(language: str) -> str:
    """Returns the value of the HTML attribute `lang` for a text in `language`, or "" if it needs no such attribute.

    A text needs it only if browsers could otherwise choose a wrong font, for example for a Chinese text.
    """
    return get_lang_attribute(language, get_language() or "")


# ── Times ────────────────────────────────────────────────────────────────────────────────────────────────────────
@register.filter
def time_of_day(value: str | datetime) -> str:
    """Formats the time of day of a date and time, for example `16:02`."""
    return times.format_time(_to_local_time(value))


@register.filter
def short_datetime(value: str | datetime) -> str:
    """Formats a date and time in short form: today as time of day, the last six days as weekday, other days as date."""
    return times.format_short(_to_local_time(value), timezone.localtime())


@register.filter
def long_date(value: datetime) -> str:
    """Formats a date with its weekday, for example `Friday, 20 November 2026`."""
    return times.format_long_date(value)


@register.filter
def full_datetime(value: str | datetime) -> str:
    """Formats a date and time as day and time of day, for example `Yesterday, 16:02`."""
    local_time = _to_local_time(value)
    day = times.format_day_label(local_time.date(), timezone.localdate())
    return pgettext("date format", "%(day)s, %(time)s") % {"day": day, "time": times.format_time(local_time)}


def _to_local_time(value: str | datetime) -> datetime:
    return times.parse_timestamp(value) if isinstance(value, str) else timezone.localtime(value)


# ── Pages of other apps ──────────────────────────────────────────────────────────────────────────────────────────
@register.simple_tag
def conversation_pages() -> list[LinkedPage]:
    return list_conversation_pages()


@register.simple_tag
def message_pages() -> list[LinkedPage]:
    return list_message_pages()


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────
@register.filter
def pin_excerpt(message: Any) -> str:
    """Returns the beginning of the text of a pinned message, for the list of pinned messages.

    For a message without text, returns the names of its files.
    """
    if message.attachments and not message.body.strip():
        return ", ".join(attachment.name for attachment in message.attachments)
    return message.excerpt


@register.filter
def html_text(html: str) -> str:
    """Returns the text of sanitised HTML as one line. In the browser, conversation-announcement.js does the same."""
    return " ".join(unescape(_TAG.sub("", html)).split())


@register.simple_tag
def render_message(item: message_log.MessageItem, is_group: bool = False) -> SafeString:
    """Renders the HTML of one message (text message or system message such as "Ann added Ben") in a conversation.

    With `is_group`, the mark below a message shows how many members have read it.
    """
    encoded, language = msgspec.json.encode((item, is_group)), get_language()
    if settings.DEBUG:
        return _render_item(encoded)
    # Caching pays off: users often switch between a few conversations, and several users read the same conversation.
    html = rendered_messages.get(item.message.conversation_id, (encoded, language), lambda: _render_item(encoded))
    return mark_safe(html)


_item_decoder = msgspec.json.Decoder(tuple[message_log.MessageItem, bool])


def _render_item(encoded: bytes) -> SafeString:
    """Renders the HTML of one message from its view model, encoded as JSON.

    The result is cached by this JSON and the language. The HTML depends on nothing else, so a cached message is never
    outdated and never contains data of another user.
    """
    item, is_group = _item_decoder.decode(encoded)
    template = get_template(kinds.KINDS[item.message.kind].template)
    return mark_safe(template.render({"item": item, "is_group": is_group, "whole": False}))


@register.simple_tag
def script_templates() -> SafeString:
    """Renders the HTML elements `<template>`. Browser scripts copy these elements for new messages, rows and so on.

    The elements are rendered from empty view models with the same Django templates as the rest of the page.
    """
    return _render_script_templates() if settings.DEBUG else _render_script_templates_cached(get_language())


def _render_script_templates() -> SafeString:
    return mark_safe(get_template("chat/_script_templates.html").render(template_samples.get_sample_context()))


@cache
def _render_script_templates_cached(language: str | None) -> SafeString:
    """Returns the HTML elements `<template>`, which browser scripts copy. They are rendered once for each language.

    The elements are the same on every page. Rendering them takes a fifth of the time that the whole page takes.
    """
    return _render_script_templates()
