"""Rules that are data: the server and the scripts of the page evaluate the same text (`static/js/lib/rules.js`).

A rule is a list of conditions separated by spaces, all of which must hold. A condition is a list of facts separated by
`|`, of which one must hold; `!` before a fact negates it: `own|admin !deleted`.
"""

from __future__ import annotations

from collections.abc import Set
from functools import cache


def is_rule_met(rule: str, facts: Set[str]) -> bool:
    return all(any((name in facts) is expected for name, expected in condition) for condition in _parse(rule))


@cache
def _parse(rule: str) -> list[list[tuple[str, bool]]]:
    """Returns for each condition the names of its facts, and whether the fact must hold."""
    return [
        [(name.lstrip("!"), not name.startswith("!")) for name in condition.split("|")] for condition in rule.split()
    ]
