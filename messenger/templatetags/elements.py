"""Defines template tags for the elements of pages: `{% icon %}`, `{% avatar %}`, `{% button %}`, `{% field %}` …

Templates can use these tags without `{% load %}` (see "builtins" in settings.TEMPLATES). Most tags have a template in
templates/elements/ and a style sheet in static/css/elements/ with the same name.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache, lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, FileInput, PasswordInput, RadioSelect
from django.template import Engine
from django.template.loader import get_template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts import form_checks
from accounts.models import User
from accounts.schemas import user_schema
from accounts.settings_pages import SettingsPage, list_settings_pages
from messenger.assets import scripts
from messenger.assets.stylesheets import bundle_name, source_files
from messenger.core import user_agents
from messenger.core.initials import initials_for
from messenger.core.page_parts import list_page_parts

register = template.Library()


@register.simple_tag
def stylesheets(kind: str) -> SafeString:
    """Renders the links to the style sheets of a kind of page (such as `auth`): `{% stylesheets "auth" %}`.

    In production, there is one link to a file that contains all these style sheets. In development, there is a link to
    each source file.
    """
    names = source_files(kind) if settings.DEBUG else [bundle_name(kind)]
    return format_html_join("\n", '<link rel="stylesheet" href="{}">', ((static(name),) for name in names))


@register.simple_tag(takes_context=True)
def importmap(context: template.Context, preload: bool = True) -> SafeString:
    """Renders the import map, which maps the paths in imports of scripts to the file names with hash.

    The import map is the only inline script of a page and therefore needs the nonce of the Content-Security-Policy.
    `preload` adds links to all modules that pages for signed-in users load at start.
    """
    import_map, preload_links = (_render_import_map if settings.DEBUG else _cached_import_map)(preload)
    nonce = context.get("CSP_NONCE", "")
    return format_html('<script type="importmap" nonce="{}">{}</script>\n{}', nonce, import_map, preload_links)


def _render_import_map(preload: bool) -> tuple[SafeString, SafeString]:
    urls = {f"{settings.STATIC_URL}{name}": static(name) for name in scripts.list_scripts()}
    import_map = json.dumps({"imports": urls}).replace("<", "\\u003c")
    preloaded = ((static(name),) for name in (scripts.list_static_imports() if preload else ()))
    return mark_safe(import_map), format_html_join("\n", '<link rel="modulepreload" href="{}">', preloaded)


_cached_import_map = cache(_render_import_map)  # in production static files do not change


@register.simple_tag
@cache
def icon(name: str, size: str = "") -> SafeString:
    """Renders an icon: `{% icon "pin" %}`, or a small icon: `{% icon "pin" "s" %}`.

    Screen readers ignore the icon, so the element with the icon also needs a text or a label.
    """
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
        f" {size}" if size else "",
        _sprite(),
        name,
    )


def _sprite() -> str:
    # The icons are a separate file that browsers cache. Inside the HTML, they would add 8 KB to every page.
    return static("icons.svg")


@register.simple_tag
def avatar(subject: Any, size: str = "", online: bool | Collection[int] | None = None) -> SafeString:
    """Renders the picture or the initials of a user or conversation (`subject`, a model instance or msgspec struct).

    A group has its own picture; a direct conversation shows the other member. `online` is True for a visible presence
    dot (a dot that means "online"), False for a hidden dot that scripts can show later, and None for no dot. If
    `online` is a collection of ids of online users, the dot is visible if the user is one of them.
    """
    is_group = getattr(subject, "kind", "") == "group"
    if isinstance(subject, User):
        subject = user_schema(subject)
    elif getattr(subject, "kind", "") == "direct":
        subject = subject.peer
    name, pk = (subject.title if is_group else subject.name, subject.id) if subject else ("", 0)
    if online is not None and not isinstance(online, bool):
        online = not is_group and pk in online
    render = _render_avatar if settings.DEBUG else _cached_avatar
    return render(name, pk, subject.avatar_url if subject else None, size, is_group, online)


def _render_avatar(name: str, pk: int, url: str | None, size: str, is_group: bool, online: bool | None) -> SafeString:
    context = {
        "initials": initials_for(name, pk, is_group),
        "url": url,
        "size": size,
        "is_group": is_group,
        "user_id": 0 if is_group else pk,
        "is_online": online,
        "has_presence_dot": online is not None and not is_group,
    }
    return mark_safe(get_template("elements/avatar.html").render(context))


_cached_avatar = lru_cache(maxsize=4096)(_render_avatar)  # a page of messages repeats the same few avatars fifty times


@register.inclusion_tag("elements/button.html")
def button(label: str, kind: str = "", **options: Any) -> dict[str, Any]:
    """Renders a button or, with `href`, a link that looks like one: `{% button "Save" %}`.

    `kind` is a CSS class, `icon` the name of an icon, and `act` the name of a script's action (`data-act`). The options
    name, value, href, type, form, formaction, disabled and id become HTML attributes.
    """
    return {"label": label, "kind": kind, "type": "submit", **options}


@register.inclusion_tag("elements/field.html")
def field(bound: BoundField, label: str = "", hint: str = "", **options: Any) -> dict[str, Any]:
    """Renders a form field with label, hint and errors. The widget of the field decides how the control looks.

    Options: `kind="segmented"` renders a select as a row of buttons, `optional=True` marks the field as optional,
    `aside` and `aside_url` put a link beside the label. All other options become attributes of the control.
    """
    layout = {name: options.pop(name, "") for name in ("kind", "optional", "aside", "aside_url", "narrow")}
    widget = bound.field.widget
    widget.attrs.pop("placeholder", None)  # set by allauth; it repeats the label
    hint = hint or ("" if layout["aside"] else str(bound.help_text or ""))
    described_by = " ".join(
        [*([f"{bound.id_for_label}-hint"] if hint else []), *([f"{bound.id_for_label}-error"] if bound.errors else [])]
    )
    attrs = {
        **({"aria-describedby": described_by} if described_by else {}),
        **({"aria-invalid": "true"} if bound.errors else {}),
        **{name.replace("_", "-"): value for name, value in options.items()},
    }
    checks = form_checks.list_checks(bound)
    attrs |= _check_attributes(bound, checks)
    kind = layout.pop("kind") or _kind(widget)
    if kind == "switch":
        attrs |= {"class": "switch", "role": "switch"}
    elif kind == "file":
        # The label is the visible button: the text of the browser's own button is in the language of the browser.
        attrs |= {"class": "visually-hidden"}
    elif kind != "segmented":
        attrs |= {"class": "input"}
    return {
        "bound": bound,
        "kind": kind,
        "label": label or bound.label,
        "hint": hint,
        "has_checks": bool(checks),
        "control": bound.as_widget(attrs=attrs) if kind != "segmented" else "",
        "choices": getattr(bound.field, "choices", ()) if kind == "segmented" else (),
        "chosen": str(bound.value()),
        **layout,
    }


def _check_attributes(bound: BoundField, checks: list[form_checks.Check]) -> dict[str, str]:
    """Returns the attributes from which a script checks the field before the form is sent."""
    attrs = {}
    if checks:
        attrs["data-checks"] = json.dumps([(pattern, str(message)) for pattern, message in checks], ensure_ascii=False)
    if getattr(bound.field, "is_normalized", False):
        attrs["data-normalize"] = ""
    if repeated := form_checks.find_repeated_field(bound):
        attrs |= {"data-repeats": repeated, "data-repeats-message": form_checks.repetition_message()}
    return attrs


def _kind(widget: Any) -> str:
    kinds = {CheckboxInput: "switch", RadioSelect: "segmented", PasswordInput: "password", FileInput: "file"}
    return next((kind for cls, kind in kinds.items() if isinstance(widget, cls)), "text")


@register.inclusion_tag("elements/badge.html")
def badge(count: int, muted: bool = False, kind: str = "count") -> dict[str, Any]:
    """Renders a small counter, for example of unread messages. `kind` is `count`, or `at` for mentions.

    A counter of zero is rendered hidden, because scripts update it later.
    """
    return {"count": count, "muted": muted, "kind": kind}


@register.inclusion_tag("elements/notice.html")
def notice(text: str) -> dict[str, Any]:
    return {"text": text}


@register.inclusion_tag("elements/empty.html")
def empty(title: str, text: str = "") -> dict[str, Any]:
    return {"title": title, "text": text}


@register.simple_tag(takes_context=True)
def page_parts(context: template.Context, place: str) -> SafeString:
    """Renders what apps have added to a place of a page (see messenger/core/page_parts.py), in the page's context."""
    engine = Engine.get_default()
    return mark_safe("".join(engine.get_template(name).render(context) for name in list_page_parts(place)))


@register.simple_tag
def settings_pages() -> list[SettingsPage]:
    return list_settings_pages()


@register.filter
def device(user_agent: str) -> str:
    return user_agents.describe_user_agent(user_agent)


@register.filter
def at_most(count: int, limit: int) -> str:
    """Formats a count of unread messages, for example as `99+` if it is above the limit 99."""
    return str(count) if count <= limit else f"{limit}+"
