"""Which style sheets a page has. A component has a file of its own; production ships each kind's as one.

One file is fetched once and packs better than thirty: `messenger.assets.storage` joins them when static files are
collected. `bin/dev` serves them as they were written.
"""

from __future__ import annotations

# In this order: the first names the layers, the last are places where the parts meet.
_ELEMENTS = (
    "app",
    "tokens",
    "ground",
    "avatar",
    "badge",
    "button",
    "search",
    "field",
    "switch",
    "seg",
    "notice",
    "empty",
)
SHEETS = {
    "gate": (*_ELEMENTS, "gate", "forced"),
    "app": (
        *_ELEMENTS,
        *("dialog", "shell", "rail", "list", "talk", "message", "code", "viewers", "lines", "typing", "composer"),
        *("file", "menu", "switcher", "panel", "banner", "toast", "page", "forced", "print"),
    ),
}


def sources(kind: str) -> list[str]:
    """As files below `static/`."""
    return [f"css/{name}.css" for name in SHEETS[kind]]


def joined(kind: str) -> str:
    """The name of the one file that production ships for them."""
    return f"css/all/{kind}.css"
