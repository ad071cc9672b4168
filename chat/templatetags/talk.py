"""Tags of the chat's own pages: the rail, times in words, names of conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from chat import blanks, lines, times, typography
from chat.lists import Listing

register = template.Library()
register.filter(typography.lang_of)
register.filter(typography.is_big)

EMOJI = ("👍", "❤️", "😂", "🎉", "👀", "🙏")  # offered first


@register.inclusion_tag("chat/_rail.html", takes_context=True)
def rail(context: template.Context, current: str = "") -> dict[str, Any]:
    """The places. On pages without a list of conversations the list is read for its counts alone."""
    request = context["request"]
    listing = context.get("listing") or Listing(request.user.pk, {})
    return {"listing": listing, "current": current, "user": request.user}


@register.simple_tag
def time_words() -> SafeString:
    return _data(times.time_words())


@register.simple_tag
def name_words() -> SafeString:
    return _data(lines.name_words())


def _data(words: dict[str, str]) -> SafeString:
    return format_html_join("", ' data-{}="{}"', words.items())


@register.simple_tag
def quick_emoji() -> tuple[str, ...]:
    return EMOJI


@register.filter
def clock(moment: str | datetime) -> str:
    return times.clock(_moment(moment))


@register.filter
def brief(moment: str | datetime) -> str:
    return times.brief(_moment(moment), timezone.localtime())


@register.filter
def full(moment: str | datetime) -> str:
    """Day and time."""
    at = _moment(moment)
    words = {"day": times.day_label(at.date(), timezone.localdate()), "time": times.clock(at)}
    return pgettext("date format", "%(day)s, %(time)s") % words


def _moment(moment: str | datetime) -> datetime:
    return times.parse(moment) if isinstance(moment, str) else timezone.localtime(moment)


@register.filter
def shown_title(conversation: Any) -> str:
    return lines.title_of(conversation)


@register.inclusion_tag("chat/_templates.html", takes_context=True)
def script_templates(context: template.Context) -> dict[str, Any]:
    """What scripts clone: the partials of history, drawn once more around nothing."""
    return {"request": context["request"], **blanks.everything()}
