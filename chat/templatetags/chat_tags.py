"""Tags of the chat's own pages: the rail, times in words, names of conversations."""

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
from chat.schemas import excerpt
from chat.text import autolink, truncation
from chat.text.language import is_big, lang_for
from chat.view_models import message_log, template_samples, times
from chat.view_models.conversation_list import Listing

register = template.Library()
register.filter(is_big)
register.filter(truncation.is_long)
register.filter(truncation.is_long)
register.filter(pinyin.spelled)

EMOJI = ("👍", "❤️", "😂", "🎉", "👀", "🙏")  # offered first


@register.inclusion_tag("chat/list/_navigation_rail.html", takes_context=True)
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
    return _data(message_log.name_words())


def _data(words: dict[str, str]) -> SafeString:
    return format_html_join("", ' data-{}="{}"', words.items())


@register.simple_tag
def quick_emoji() -> tuple[str, ...]:
    return EMOJI


@register.filter
def lang_of(text: str) -> str:
    """In which language a text is set, where that is not the page's own."""
    return lang_for(text, get_language() or "")


@register.filter
def clock(moment: str | datetime) -> str:
    return times.clock(_moment(moment))


@register.filter
def brief(moment: str | datetime) -> str:
    return times.brief(_moment(moment), timezone.localtime())


@register.filter
def full_day(moment: datetime) -> str:
    """`Friday, 20 November 2026`, whichever year it is."""
    return times.full_day(moment)


@register.filter
def full(moment: str | datetime) -> str:
    """Day and time."""
    at = _moment(moment)
    words = {"day": times.day_label(at.date(), timezone.localdate()), "time": times.clock(at)}
    return pgettext("date format", "%(day)s, %(time)s") % words


def _moment(moment: str | datetime) -> datetime:
    return times.parse(moment) if isinstance(moment, str) else timezone.localtime(moment)


@register.filter
def linked(text: str) -> SafeString:
    """Plain text with its addresses as links."""
    return autolink.linked(text)


@register.filter
def pin_text(message: Any) -> str:
    """What a pinned message says, in a few lines; of one that is only files, what they are called."""
    return excerpt(message.body) or ", ".join(each.name for each in message.attachments)


@register.filter
def shown_title(conversation: Any) -> str:
    return message_log.title_of(conversation)


@register.simple_tag
def drawn(line: message_log.Line, ticks_in_group: bool = False) -> SafeString:
    """A line of the log: a text, or what happened."""
    draw = _draw_line if settings.DEBUG else _kept_line
    return draw(msgspec.json.encode((line, ticks_in_group)), get_language())


_line = msgspec.json.Decoder(tuple[message_log.Line, bool])


def _draw_line(told: bytes, language: str | None) -> SafeString:
    """All that the drawing depends on comes in writing: what is kept under it cannot be out of date, nor another's."""
    line, ticks_in_group = _line.decode(told)
    template = get_template("chat/message/_system_message.html" if line.event else "chat/message/_message.html")
    return mark_safe(template.render({"line": line, "ticks_in_group": ticks_in_group, "whole": False}))


_kept_line = lru_cache(maxsize=2048)(_draw_line)  # one goes back and forth between a few logs, and so do others in them


@register.simple_tag
def script_templates() -> SafeString:
    """What scripts clone: the partials of history, drawn once more around nothing. Nothing in it is anybody's."""
    return _draw_templates() if settings.DEBUG else _kept_templates(get_language())


def _draw_templates() -> SafeString:
    return mark_safe(get_template("chat/_script_templates.html").render(template_samples.everything()))


@cache
def _kept_templates(language: str | None) -> SafeString:
    """Alike on each page of a language, and a fifth of the work of drawing one."""
    return _draw_templates()
