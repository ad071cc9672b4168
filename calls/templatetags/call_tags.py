"""Template tags of the pages of calls."""

from __future__ import annotations

from django import template

from calls import rules

register = template.Library()


@register.simple_tag
def calls_allowed(conversation_id: int) -> bool:
    """Returns whether members of a group may start calls in it."""
    return rules.is_allowed_in_group(conversation_id)
