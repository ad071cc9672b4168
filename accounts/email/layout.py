"""Makes the HTML version of an e-mail from the paragraphs of its text version."""

from __future__ import annotations

import re
from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language

from messenger.core.user_agents import describe_user_agent

_LINK = re.compile(r"https?://\S+")
_CODE = re.compile(r"[A-Z0-9]{4,}(?:-[A-Z0-9]{2,})*|\d{4,}")


class Block(NamedTuple):
    kind: str  # "link" or "code" if the paragraph contains only that, "quote" for a quoted message, else "text"
    text: str
    head: str = ""  # of a quoted message: who wrote it, and when


def split_blocks(text: str) -> list[Block]:
    """Splits the text of an e-mail into paragraphs, each with its kind: a link, a code, a quoted message or text.

    A quoted message has its author in the first line, and `> ` before each other line.
    """
    result = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        part = paragraph.strip()
        head, *quoted = part.split("\n")
        if quoted and all(line.startswith("> ") for line in quoted):
            result.append(Block("quote", "\n".join(line[2:] for line in quoted), head))
            continue
        kind = "link" if _LINK.fullmatch(part) else "code" if _CODE.fullmatch(part) else "text"
        result.append(Block(kind, part))
    return result


def render_html(subject: str, text: str) -> str:
    """Renders the HTML version of an e-mail. The last paragraph of the text becomes the footer."""
    *body, footer = split_blocks(text)
    return render_to_string(
        "account/email/layout.html",
        {
            "subject": subject,
            "blocks": body,
            "foot": _split_links(footer.text),
            "lang": get_language() or settings.LANGUAGE_CODE,
        },
    )


def _split_links(text: str) -> list[Block]:
    """Splits a text into links and what is between them."""
    parts = re.split(f"({_LINK.pattern})", text)
    return [Block("link" if _LINK.fullmatch(part) else "text", part) for part in parts if part]


def request_context(ip_address: str, user_agent: str) -> dict[str, object]:
    """Returns template context about the request that caused an e-mail: IP address, device and time."""
    return {"ip": ip_address, "device": describe_user_agent(user_agent), "timestamp": timezone.localtime()}
