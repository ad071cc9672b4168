"""Lists the style sheets of each kind of page. Each component (button, avatar …) has its own source file.

Production serves one bundle for each kind of page, because one file needs one request and compresses better than thirty
files. `messenger.assets.storage` builds the bundles during `collectstatic`. The development server (`bin/dev`) serves
the source files.
"""

from __future__ import annotations

# The order matters: the first file declares the cascade layers, the last ones combine several components.
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
STYLESHEETS = {
    "auth": (*_ELEMENTS, "layout/auth", "base/forced-colors"),
    "signed_in": (
        *_ELEMENTS,
        "elements/dialog",
        "elements/time-choice",
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
        "elements/moderation-notice",
        "elements/toast",
        "layout/text-page",
        "base/forced-colors",
        "base/print",
    ),
    "calls": ("calls/calls",),  # loaded by scripts with the first call
}


def source_files(kind: str) -> list[str]:
    """Returns the source style sheets of a kind of page, as paths below `static/`."""
    return [f"css/{name}.css" for name in STYLESHEETS[kind]]


def bundle_name(kind: str) -> str:
    """Returns the path of the style sheet bundle of a kind of page, below `static/`."""
    return f"css/all/{kind}.css"
