"""Texts that programs stumble over: the Big List of Naughty Strings where it is at hand, and always our own."""

from __future__ import annotations

import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PLACES = [os.environ.get("NAUGHTY_STRINGS", ""), ROOT.parent / "shared" / "data" / "naughty-strings.json"]

OURS = [
    "",
    " ",
    "plain",
    "\0",
    "a\0b",
    "\ud800",
    "a\udfffb",
    "\u202egnp.exe",
    "\u2066\u202d\u200f",
    "\u200b",
    "\ufeff",
    "\x01\x1b[31m\x7f\x9f",
    "line\nline\r\nline\u2028line",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    "<script>alert(1)</script>",
    "</textarea></title></style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7|add:7 }}{% load log %}",
    "%s%n%(body)s{0}{body}",
    "'; DROP TABLE chat_message; --",
    "\\u003cscript\\u003e",
    "]]>",
    "<!-- -->",
    "javascript:alert(1)",
    "&lt;script&gt;&#0;&#x110000;",
    "￿￾𐀀\U0010ffff",
    "👩‍👩‍👧‍👦🏳️‍🌈🇨🇳",
    "مرحبا שלום 你好 สวัสดี हिन्दी",
    "x" * 80,
    "x" * 4000,
    "x" * 4001,
    "界" * 5000,
    "𝕏" * 5000,
]


def naughty() -> list[str]:
    for place in PLACES:
        if place and Path(place).is_file():
            strings = json.loads(Path(place).read_text("utf-8"))
            return list(dict.fromkeys([*OURS, *(text for text in strings if isinstance(text, str))]))
    return OURS
