"""Addresses in plain text that people wrote, such as an announcement: made links, and nothing else made anything.

`static/js/lib/autolink.js` does the same for what comes live; both keep to tests/shared_cases/autolink.json.
"""

from __future__ import annotations

import re
from html import escape

from django.utils.safestring import SafeString, mark_safe

# A scheme, and what follows up to white space or a sign that ends an address in running text.
_ADDRESS = re.compile(r"https?://[^\s<>\"'`（）《》【】“”‘’，。！？；：、]+", re.IGNORECASE)
_AFTER = ".,;:!?)]}"  # more likely of the sentence than of the address


def parts(text: str) -> list[tuple[str, str]]:
    """The text in pieces, (words, address): the address is empty where the words are no link."""
    found: list[tuple[str, str]] = []
    at = 0
    for match in _ADDRESS.finditer(text):
        address = match[0].rstrip(_AFTER)
        if address.count("(") > address.count(")") and match[0][len(address) :].startswith(")"):
            address += ")"
        if not re.fullmatch(r"https?://[^/?#]+.*", address, re.IGNORECASE):
            continue
        if match.start() > at:
            found.append((text[at : match.start()], ""))
        found.append((address, address))
        at = match.start() + len(address)
    if at < len(text):
        found.append((text[at:], ""))
    return found


def linked(text: str) -> SafeString:
    """As HTML."""
    return mark_safe(
        "".join(
            f'<a href="{escape(address)}" rel="noopener noreferrer nofollow ugc">{escape(words)}</a>'
            if address
            else escape(words)
            for words, address in parts(text)
        )
    )
