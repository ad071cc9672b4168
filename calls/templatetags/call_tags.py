"""Template tags of the pages of calls."""

from __future__ import annotations

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from calls import entries, rules

register = template.Library()


@register.simple_tag
def calls_allowed(conversation_id: int) -> bool:
    """Returns whether members of a group may start calls in it."""
    return rules.is_allowed_in_group(conversation_id)


@register.simple_tag
def call_texts() -> SafeString:
    """Renders the texts of entries of calls as data attributes, for scripts."""
    return format_html_join("", ' data-{}="{}"', entries.call_texts().items())


@register.simple_tag
def blank_video_call() -> dict[str, dict[str, dict[str, str]]]:
    """Returns an entry of a video call without content, from which the template for scripts is rendered."""
    return {"message": {"data": {"media": "video"}}}
