"""What a mail looks like: written once, as plain text; its HTML is made of the same paragraphs."""

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
    kind: str  # "link" or "code" where that is all that stands in a paragraph, else "text"
    text: str


def blocks(text: str) -> list[Block]:
    found = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        part = paragraph.strip()
        kind = "link" if _LINK.fullmatch(part) else "code" if _CODE.fullmatch(part) else "text"
        found.append(Block(kind, part))
    return found


def html(subject: str, text: str) -> str:
    """The last paragraph is the site's name: it stands below the line."""
    *body, foot = blocks(text)
    return render_to_string(
        "account/email/layout.html",
        {"subject": subject, "blocks": body, "foot": foot.text, "lang": get_language() or settings.LANGUAGE_CODE},
    )


def about(request_address: str, user_agent: str) -> dict[str, object]:
    """What a mail about a change says of where it came from."""
    return {"ip": request_address, "device": describe_user_agent(user_agent), "timestamp": timezone.localtime()}
