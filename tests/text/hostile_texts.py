"""Texts that are expensive to render as messages.

The module contains short pieces of text, and functions that repeat a piece up to a given length.
"""

from __future__ import annotations

KINDS: dict[str, str] = {
    "stars": "*", "double stars": "**a ", "mixed stars": "*a **b ", "underscores": "_a __b ",
    "tildes": "~~a ", "star and bracket": "**[", "underscore and bracket": "_[", "brackets": "[",
    "bracket pairs": "[]", "links": "[a](b", "link openers": "[a](", "link targets": "[](<",
    "whole links": "[a](http://b.c)", "hosts": "[a](b.cc) ", "bracketed hosts": "http://[",
    "ftp hosts": "ftp://[", "urls": "http://a.b ", "url paths": "https://a.b/(",
    "url brackets": "https://a/([{", "scheme only": "https://", "hosts with dots": "https://a.b.",
    "users": "https://a:", "autolinks": "<http://a>", "angles": "<a", "backticks": "`a``",
    "escapes": "\\*", "escaped links": "\\[a](", "backslashes": "\\", "escaped words": "\\_a\\_ ",
    "entities": "&amp;", "open entities": "&a", "quotes": "> a\n", "nested quotes": "> > > > a\n",
    "empty quotes": ">\n", "quotes and lists": "> - a\n", "bullets": "- a\n",
    "nested bullets": "- - - a\n", "numbers": "1. a\n", "zeros": "1. a\n02. b\n",
    "steps": "- a\n  - b\n    - c\n", "fences": "```a b\n", "quoted fences": "> ```a b\n",
    "language fences": "```js\n", "empty fences": "```\n\n", "code": "```python\nx=1\n```\n",
    "mentions": "@alice ", "unspaced mentions": "@小千你好", "full width": "＠alice，",
    "slashed mentions": "@alice/", "faces": "(*^_^*)", "emoji": "👨‍👩‍👧‍👦", "bold emoji": "**👍**",
    "marks": "e\u0301", "many marks": "\u0301", "chinese bold": "**「重」**", "chinese stars": "*，",
    "lines": "a\n", "blank lines": "a\n\n", "spaces": " ", "tabs": "\t", "words": "word ", "dots": "a.",
    "colons": ":", "minus": "-", "at signs": "@", "pluses": "+", "closing brackets": "]",
    "parentheses": "(", "mail": "[a](b@c.dd)", "typed lists": "3. a\n1. b\n", "chinese": "界",
    "unclosed targets": "[](~~mailto:https://[", "targets and mentions": "@bob/](", "mentions in lines": "＠小千\n",
    "link in bracket": "[<http://a>^_^", "wave": "~~~", "wave and star": "*~~", "nested target": "[a](b(c",
    "escaped brackets": "[](\\(", "angle targets": "[](<a", "addresses": "<a@b.c>", "everybody": "@all ",
    "half faces": "*(a", "whole faces": "~~(>_<)~~", "products": "3*5=", "escaped ticks": "\\`",
    "escaped markers": "\\- \n", "escaped labels": "[\\[a", "emoji urls": "http://a.b/👍",
    "stars and words with a sign": "*@ic__", "bold beside a sign": "**@小**", "signs and colons": "@:",
    "wave beside a star": "~*", "bold letters": "**重**", "escaped open brackets": "\\[",
    "code beside a sign": "`＠1]([@小)", "half of bold": "_@小",
    "escaped signs of mentions": "\\@", "escaped mentions": "\\@小千你好",
}  # fmt: skip


def repeat(unit: str, length: int) -> str:
    return (unit * length)[:length]


def repeat_around(opened: str, closed: str, length: int) -> str:
    count = (length - 1) // (len(opened) + len(closed))
    return opened * count + "x" + closed * count
