"""Template tags and filters of chat pages: navigation, message items, times, text and emoji."""

from __future__ import annotations

from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import msgspec
from django import template
from django.conf import settings
from django.template.loader import get_template
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, pgettext

from accounts.text import pinyin
from chat.schemas import make_excerpt
from chat.text import autolink, truncation
from chat.text.language import get_lang_attribute, is_emoji_only
from chat.view_models import message_log, template_samples, times
from chat.view_models.conversation_list import ConversationList

register = template.Library()
register.filter("is_emoji_only", is_emoji_only)
register.filter("is_long", truncation.is_long)
register.filter("linkify", autolink.linkify)
register.filter("pinyin", pinyin.spell_pinyin)

QUICK_EMOJI = ("👍", "❤️", "😂", "🎉", "👀", "🙏")  # offered before the emoji picker opens


@register.inclusion_tag("chat/list/_navigation_rail.html", takes_context=True)
def navigation_rail(context: template.Context, current: str = "") -> dict[str, Any]:
    """Renders the main navigation with its counts. `current` is the name of the active entry."""
    request = context["request"]
    listing = context.get("listing") or ConversationList(request.user.pk, {})
    return {"listing": listing, "current": current, "user": request.user}


@register.simple_tag
def time_words() -> SafeString:
    return _data_attributes(times.time_words())


@register.simple_tag
def name_words() -> SafeString:
    return _data_attributes(message_log.name_words())


def _data_attributes(values: dict[str, str]) -> SafeString:
    return format_html_join("", ' data-{}="{}"', values.items())


@register.simple_tag
def quick_emoji() -> tuple[str, ...]:
    return QUICK_EMOJI


@register.filter
def lang_attribute(text: str) -> str:
    """Returns the `lang` attribute of a text; empty if the language of the page applies."""
    return get_lang_attribute(text, get_language() or "")


# ── Times ────────────────────────────────────────────────────────────────────────────────────────────────────────
@register.filter
def time_of_day(value: str | datetime) -> str:
    """`16:02`"""
    return times.format_time(_to_local_time(value))


@register.filter
def short_datetime(value: str | datetime) -> str:
    """The time if it is today, the weekday within six days, else the date."""
    return times.format_short(_to_local_time(value), timezone.localtime())


@register.filter
def long_date(value: datetime) -> str:
    """`Friday, 20 November 2026`"""
    return times.format_long_date(value)


@register.filter
def full_datetime(value: str | datetime) -> str:
    """Day and time: `Yesterday, 16:02`"""
    local_time = _to_local_time(value)
    day = times.format_day_label(local_time.date(), timezone.localdate())
    return pgettext("date format", "%(day)s, %(time)s") % {"day": day, "time": times.format_time(local_time)}


def _to_local_time(value: str | datetime) -> datetime:
    return times.parse_timestamp(value) if isinstance(value, str) else timezone.localtime(value)


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────
@register.filter
def pin_excerpt(message: Any) -> str:
    """Returns the excerpt of a pinned message; the names of its files if it has no text."""
    return make_excerpt(message.body) or ", ".join(attachment.name for attachment in message.attachments)


@register.simple_tag
def render_message(item: message_log.MessageItem, is_group: bool = False) -> SafeString:
    """Renders one item of the log: a text message or a system message. `is_group`: receipt marks have counts."""
    render = _render_item if settings.DEBUG else _render_item_cached
    return render(msgspec.json.encode((item, is_group)), get_language())


_item_decoder = msgspec.json.Decoder(tuple[message_log.MessageItem, bool])


def _render_item(encoded: bytes, language: str | None) -> SafeString:
    """Renders an item from its JSON. The JSON and the language are the cache key.

    The output depends on nothing else, so a cached item is never outdated and never contains another user's data.
    """
    item, is_group = _item_decoder.decode(encoded)
    name = "chat/message/_system_message.html" if item.system_text else "chat/message/_message.html"
    return mark_safe(get_template(name).render({"item": item, "is_group": is_group, "whole": False}))


# Readers often switch between a few conversations, and several readers see the same ones.
_render_item_cached = lru_cache(maxsize=2048)(_render_item)


@register.simple_tag
def script_templates() -> SafeString:
    """Renders the `<template>`s that scripts clone: the partials of the page with empty view models."""
    return _render_script_templates() if settings.DEBUG else _render_script_templates_cached(get_language())


def _render_script_templates() -> SafeString:
    return mark_safe(get_template("chat/_script_templates.html").render(template_samples.get_sample_context()))


@cache
def _render_script_templates_cached(language: str | None) -> SafeString:
    """Cached per language: the output is the same on every page, and takes a fifth of the time of rendering one."""
    return _render_script_templates()
