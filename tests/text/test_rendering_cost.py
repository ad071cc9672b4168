"""Tests that rendering a message takes little CPU time for any text, even one made to be slow.

If a text is twice as long, rendering may take about twice as long, but not more. There is also a fixed limit.
"""

from __future__ import annotations

import time

import pytest
from markdown_it.parser_inline import ParserInline

from accounts.schemas import build_user_schema
from chat.text.markdown import find_mention_keys, render_markdown
from chat.text.markdown_rules import escapes
from chat.text.markdown_rules.cost import MAX_WORK, SKIP_WORK
from tests.text.function_calls import count_calls
from tests.text.hostile_texts import KINDS, repeat, repeat_around

MEMBERS = {name: build_user_schema(number, name, name) for number, name in enumerate(("alice", "小千"), 1)}
# A text of 4,000 characters takes at most 13 ms on the machine of the authors, and less than this on slow ones.
MAX_SECONDS = 0.1
MAX_CALLS = 120_000  # of functions, for a text of 4,000 characters: about 15 ms
NESTED = [("[", "]"), ("[a](", ")"), ("**", "**"), ("_", "_"), ("*a **b ", " b** a*"), ("「**", "**」"), ("\\*", "\\*")]
# Each open bracket looks for its `]` in all that follows. A random search found such a text that took 90 ms.
OPEN_BRACKETS = {"stars": "*a", "underscores": "a_b", "names": "@a_b", "lines": "a\n", "ticks": "`a", "angles": "<a"}
TEXTS = {
    **{
        f"open brackets before {name}": lambda length, unit=unit: "[" * (length // 10) + repeat(unit, length * 9 // 10)
        for name, unit in OPEN_BRACKETS.items()
    },
    **{name: lambda length, unit=unit: repeat(unit, length) for name, unit in KINDS.items()},
    **{f"nested {pair[0]}": lambda length, pair=pair: repeat_around(*pair, length) for pair in NESTED},
}


def render(body: str) -> None:
    find_mention_keys(body)
    render_markdown(body, MEMBERS)


def measure(body: str) -> float:
    """Returns the CPU seconds needed to render a message text.

    It is the shortest time of three tries, because other programs on the machine may slow down a try.
    """
    seconds = []
    for _ in range(3):
        started = time.process_time()
        render(body)
        seconds.append(time.process_time() - started)
    return min(seconds)


@pytest.mark.parametrize("name", TEXTS)
def test_the_cost_of_a_hostile_text_is_linear_and_limited(name):
    create = TEXTS[name]
    half, whole = measure(create(2_000)), measure(create(4_000))
    assert whole < MAX_SECONDS
    assert whole < 3 * half + 0.005, f"{half * 1000:.1f} ms for the half, {whole * 1000:.1f} ms for the whole"


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_calls_a_limited_number_of_functions(name):
    render_markdown("*a* @b", MEMBERS)  # fills caches
    assert count_calls(render, TEXTS[name](4_000)) <= MAX_CALLS


def test_many_escaped_brackets_do_not_look_for_the_links_that_they_may_begin(monkeypatch):
    monkeypatch.setattr(escapes, "_LINK_LIKE", None)  # its search takes 12 µs for each bracket
    body = repeat("\\[", 4_000)
    assert render_markdown(body, MEMBERS)[0] == f"<p>{body}</p>\n"


@pytest.mark.parametrize("unit", OPEN_BRACKETS.values(), ids=OPEN_BRACKETS)
@pytest.mark.parametrize("count", [40, 100, 300])
def test_open_brackets_look_at_a_limited_number_of_tokens(monkeypatch, unit, count):
    skipped = []
    skip_token = ParserInline.skipToken
    monkeypatch.setattr(ParserInline, "skipToken", lambda *args: (skipped.append(None), skip_token(*args))[1])
    render_markdown("[" * count + repeat(unit, 4_000 - count), MEMBERS)
    assert len(skipped) <= MAX_WORK / SKIP_WORK


def test_a_text_that_is_too_complex_is_shown_as_typed():
    body = repeat("**a ", 4_000)
    assert render_markdown(body, {})[0] == f"<p>{body.strip()}</p>\n"


def test_a_long_message_in_which_some_brackets_are_open_is_formatted():
    body = repeat("*One* half [open `code` and a [link](https://example.com), see [1] and [2]. ", 4_000)
    assert "<em>One</em>" in render_markdown(body, {})[0]


def test_a_long_message_with_much_formatting_is_formatted():
    body = repeat(
        "**重点：**看 `代码` 和 [这里](https://example.com/a)，*谢谢*。\n- 第一项内容\n- 第二项内容\n\n", 4_000
    )
    assert "<strong>重点：</strong>" in render_markdown(body, {})[0]
