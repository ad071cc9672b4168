"""Which style sheets a page has. A component has a file of its own; production ships each kind's as one.

One file is fetched once and packs better than thirty: `messenger.assets.storage` joins them when static files are
collected. `bin/dev` serves them as they were written.
"""

from __future__ import annotations

# In this order: the first names the layers, the last are places where the parts meet.
_ELEMENTS = (
    "base/layers",
    "base/tokens",
    "base/base",
    "elements/avatar",
    "elements/badge",
    "elements/button",
    "elements/search-field",
    "elements/field",
    "elements/switch",
    "elements/segmented-control",
    "elements/notice",
    "elements/empty-state",
)
SHEETS = {
    "auth": (*_ELEMENTS, "layout/auth", "base/forced-colors"),
    "signed_in": (
        *_ELEMENTS,
        "elements/dialog",
        "layout/layout",
        "layout/rail",
        "layout/conversation-list",
        "conversation/conversation",
        "conversation/message",
        "conversation/syntax",
        "conversation/viewers",
        "conversation/log-separators",
        "conversation/typing",
        "conversation/composer",
        "conversation/attachments",
        "elements/menu",
        "layout/switcher",
        "layout/side-panel",
        "layout/connection-banner",
        "elements/toast",
        "layout/page",
        "base/forced-colors",
        "base/print",
    ),
}


def sources(kind: str) -> list[str]:
    """As files below `static/`."""
    return [f"css/{name}.css" for name in SHEETS[kind]]


def joined(kind: str) -> str:
    """The name of the one file that production ships for them."""
    return f"css/all/{kind}.css"
