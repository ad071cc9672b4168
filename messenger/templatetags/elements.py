"""The elements of our pages: `{% icon %}`, `{% avatar %}`, `{% button %}`, `{% field %}` … Built in, no `{% load %}`.

Each has a template of its name in templates/elements/ and a style sheet of its name in static/css/.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache, lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, FileInput, PasswordInput, RadioSelect
from django.template.loader import get_template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.models import User
from accounts.schemas import user_schema
from messenger.assets import scripts
from messenger.assets.stylesheets import joined, sources
from messenger.core import user_agents
from messenger.core.initials import hue, initials_for

register = template.Library()


@register.simple_tag
def stylesheets(kind: str) -> SafeString:
    """One `<link>` for all; in development one per component, as they were written."""
    names = sources(kind) if settings.DEBUG else [joined(kind)]
    return format_html_join("\n", '<link rel="stylesheet" href="{}">', ((static(name),) for name in names))


@register.simple_tag(takes_context=True)
def importmap(context: template.Context, preload: bool = True) -> SafeString:
    """Where each script module is under its hashed name. Modules import each other by plain relative paths.

    The one inline script of a page, hence the nonce. `preload`: ask at once for all that a signed-in page starts with.
    """
    table, preloads = (_modules if settings.DEBUG else _kept_modules)(preload)
    nonce = context.get("CSP_NONCE", "")
    return format_html('<script type="importmap" nonce="{}">{}</script>\n{}', nonce, table, preloads)


def _modules(preload: bool) -> tuple[SafeString, SafeString]:
    modules = {f"{settings.STATIC_URL}{name}": static(name) for name in scripts.modules()}
    table = json.dumps({"imports": modules}).replace("<", "\\u003c")
    wanted = ((static(name),) for name in (scripts.needed_at_once() if preload else ()))
    return mark_safe(table), format_html_join("\n", '<link rel="modulepreload" href="{}">', wanted)


_kept_modules = cache(_modules)  # in production they stand still


@register.simple_tag
@cache
def icon(name: str, size: str = "") -> SafeString:
    """`{% icon "pin" %}`, small `{% icon "pin" "s" %}`. It says nothing to a screen reader: a word stands beside it."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
        f" {size}" if size else "",
        _sprite(),
        name,
    )


def _sprite() -> str:
    # One file beside the page, fetched once and kept: inlined it would be 8 KB of every page.
    return static("icons.svg")


@register.simple_tag
def avatar(who: Any, size: str = "", here: bool | Collection[int] | None = None) -> SafeString:
    """A person (a row or its shape), or a conversation: a group, or whoever is at the other end of a pair.

    `here` None: no dot at all; False: a hidden one, which scripts show; True: shown. Or the ids of those who are here.
    """
    room = getattr(who, "kind", "") == "group"
    if isinstance(who, User):
        who = user_schema(who)
    elif getattr(who, "kind", "") == "direct":
        who = who.peer
    name, number = (who.title if room else who.name, who.id) if who else ("", 0)
    if here is not None and not isinstance(here, bool):
        here = not room and number in here
    draw = _draw_avatar if settings.DEBUG else _kept_avatar
    return draw(name, number, who.avatar_url if who else None, size, room, here)


def _draw_avatar(name: str, number: int, url: str | None, size: str, room: bool, here: bool | None) -> SafeString:
    drawn = {
        "face": initials_for(name),
        "hue": hue(number, room),
        "url": url,
        "size": size,
        "room": room,
        "person": 0 if room else number,
        "here": here,
        "dot": here is not None and not room,
    }
    return mark_safe(get_template("elements/avatar.html").render(drawn))


_kept_avatar = lru_cache(maxsize=4096)(_draw_avatar)  # a page of a log shows the same few faces fifty times


@register.inclusion_tag("elements/button.html")
def button(label: str, kind: str = "", **options: Any) -> dict[str, Any]:
    """`{% button "Save" %}`; options: icon, name, value, href, type, form, formaction, disabled, id, act."""
    return {"label": label, "kind": kind, "type": "submit", **options}


@register.inclusion_tag("elements/field.html")
def field(bound: BoundField, label: str = "", hint: str = "", **options: Any) -> dict[str, Any]:
    """A form field with its label, hint and errors, drawn after what kind of question it asks.

    Options: `kind="segmented"` draws a select as a row of buttons, `optional=True` says so, `aside` and `aside_url` put a
    link beside the label; every other one is an attribute of the control.
    """
    drawn = {name: options.pop(name, "") for name in ("kind", "optional", "aside", "aside_url", "narrow")}
    widget = bound.field.widget
    widget.attrs.pop("placeholder", None)  # allauth sets them; the label says it
    hint = hint or ("" if drawn["aside"] else str(bound.help_text or ""))
    described = " ".join(
        [*([f"{bound.id_for_label}-hint"] if hint else []), *([f"{bound.id_for_label}-error"] if bound.errors else [])]
    )
    attrs = {
        **({"aria-describedby": described} if described else {}),
        **({"aria-invalid": "true"} if bound.errors else {}),
        **{name.replace("_", "-"): value for name, value in options.items()},
    }
    kind = drawn.pop("kind") or _kind(widget)
    if kind == "switch":
        attrs |= {"class": "switch", "role": "switch"}
    elif kind == "file":
        attrs |= {
            "class": "visually-hidden"
        }  # its label is the button: the browser's own speaks the browser's language
    elif kind != "segmented":
        attrs |= {"class": "input"}
    return {
        "bound": bound,
        "kind": kind,
        "label": label or bound.label,
        "hint": hint,
        "control": bound.as_widget(attrs=attrs) if kind != "segmented" else "",
        "choices": getattr(bound.field, "choices", ()) if kind == "segmented" else (),
        "chosen": str(bound.value()),
        **drawn,
    }


def _kind(widget: Any) -> str:
    kinds = {CheckboxInput: "switch", RadioSelect: "segmented", PasswordInput: "password", FileInput: "file"}
    return next((kind for cls, kind in kinds.items() if isinstance(widget, cls)), "text")


@register.inclusion_tag("elements/badge.html")
def badge(count: int, muted: bool = False, kind: str = "count") -> dict[str, Any]:
    """`kind` is `count`, or `at` for mentions. It is always there, hidden at nought: scripts only change it."""
    return {"count": count, "muted": muted, "kind": kind}


@register.inclusion_tag("elements/notice.html")
def notice(text: str) -> dict[str, Any]:
    return {"text": text}


@register.inclusion_tag("elements/empty.html")
def empty(title: str, text: str = "") -> dict[str, Any]:
    return {"title": title, "text": text}


@register.filter
def device(user_agent: str) -> str:
    return user_agents.describe_user_agent(user_agent)


@register.filter
def at_most_99(count: int) -> str:
    return str(count) if count <= 99 else "99+"
