"""Texts that often break software: the Big List of Naughty Strings (a public collection) and texts of this project.

tests/data/README.md says where the collection comes from.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

LIST = Path(__file__).parent / "data" / "naughty-strings.json"

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


def naughty_strings() -> list[str]:
    """Returns the texts of this project (OURS) and those of the Big List of Naughty Strings, without duplicates."""
    return list(dict.fromkeys([*OURS, *json.loads(LIST.read_text("utf-8"))]))


def sample_naughty_strings() -> list[str]:
    """Returns a part of the naughty strings (texts that often break software), for slow tests.

    These are the texts of this project (OURS) and every eighth text of the Big List of Naughty Strings. With the
    environment variable NAUGHTY=all, which bin/test-long sets, it returns all texts.
    """
    strings = naughty_strings()
    return strings if os.environ.get("NAUGHTY") == "all" else [*OURS, *strings[len(OURS) :: 8]]
