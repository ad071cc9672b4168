"""Limits the work that one text may cause. The parser stops with `TooComplex` after MAX_WORK steps."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

MAX_WORK = 4_000  # steps of the parser; about 3 µs each
ESCAPE_WORK, TARGET_WORK, BLOCK_WORK, LINK_WORK = 2, 4, 6, 12  # steps that an escaped sign, a link … counts as
EMPHASIS_WORK = 1  # for signs such as `**`, and for each of them
CODE_WORK = 2  # for code between backticks
LABEL_WORK = 4  # each `[` looks for its `](` in the next 100 characters, if the text has escaped brackets
SKIP_WORK = 0.35  # each open bracket `[` looks again at all tokens behind it, until its `]`


class TooComplex(Exception):
    """Raised if a text has so much formatting that parsing would take too long.

    The text is then shown without formatting.
    """


def spend(env: MutableMapping[str, Any], work: float) -> None:
    env["work"] = env.get("work", 0) + work
    if env["work"] > MAX_WORK:
        raise TooComplex


def inline_work_rule(state: StateInline, silent: bool) -> bool:
    spend(state.env, 1)
    return False


def block_work_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    spend(state.env, BLOCK_WORK)
    return False
