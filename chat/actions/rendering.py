"""Renders message texts before a transaction locks their conversation, so that a long text delays no other change.

The HTML of a text depends on the members whose names it contains, and on the role of its author. They are read twice:
before the lock, to render the text, and again in the transaction. Only if they have changed in between, the text is
rendered a second time. The transaction looks up only the members that were found before: a text can contain thousands
of possible names. So a member who joins in between is not mentioned.
"""

from __future__ import annotations

import msgspec

from accounts.schemas import UserSchema
from chat.schemas import MentionSchema
from chat.text.markdown import render_markdown


class TextSource(msgspec.Struct, frozen=True):
    """A message text with all that its HTML depends on.

    `members` has the users whom the text may mention, by the normalized user name. `everybody` is True if the author
    may mention `@all`.
    """

    body: str
    members: dict[str, UserSchema] = {}
    everybody: bool = False


class RenderedText(msgspec.Struct, frozen=True):
    """The HTML and the mentions of a text."""

    source: TextSource
    html: str
    mentions: list[MentionSchema]


def render_text(source: TextSource, earlier: RenderedText | None = None) -> RenderedText:
    """Renders a text. Returns `earlier`, which was rendered before the lock, if it has the same source."""
    if earlier is not None and earlier.source == source:
        return earlier
    html, mentions = render_markdown(source.body, source.members, everybody=source.everybody)
    return RenderedText(source, html, mentions)
