"""Parts of pages that an app adds to templates of a lower app, which does not know it.

A template names a place, `{% page_parts "conversation_tools" %}`. An app registers a template for it in
`AppConfig.ready`:

    register_page_part("conversation_tools", "calls/_call_buttons.html")
"""

from __future__ import annotations

_templates: dict[str, list[str]] = {}


def register_page_part(place: str, template: str) -> None:
    """Adds a template to a place. Templates of one place are rendered in the order of their registration."""
    templates = _templates.setdefault(place, [])
    if template not in templates:
        templates.append(template)


def list_page_parts(place: str) -> list[str]:
    return _templates.get(place, [])
