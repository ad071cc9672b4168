"""Tests that rendering a message takes little CPU time for any text, even one made to be slow.

If a text is twice as long, rendering may take about twice as long, but not more. There is also a fixed limit.
"""

from __future__ import annotations

import time

import pytest

from accounts.schemas import UserSchema
from chat.text.markdown import find_mention_keys, render_markdown
from tests.text.hostile_texts import KINDS, repeat, repeat_around

MEMBERS = {name: UserSchema(number, name, name) for number, name in enumerate(("alice", "小千"), 1)}
# A text of 4,000 characters takes at most 13 ms on the machine of the authors, and less than this on slow ones.
MAX_SECONDS = 0.1
NESTED = [("[", "]"), ("[a](", ")"), ("**", "**"), ("_", "_"), ("*a **b ", " b** a*"), ("「**", "**」"), ("\\*", "\\*")]
TEXTS = {
    **{name: lambda length, unit=unit: repeat(unit, length) for name, unit in KINDS.items()},
    **{f"nested {pair[0]}": lambda length, pair=pair: repeat_around(*pair, length) for pair in NESTED},
}


def measure(body: str) -> float:
    """Returns the CPU seconds needed to render a message text.

    It is the shortest time of three tries, because other programs on the machine may slow down a try.
    """
    seconds = []
    for _ in range(3):
        started = time.process_time()
        find_mention_keys(body)
        render_markdown(body, MEMBERS)
        seconds.append(time.process_time() - started)
    return min(seconds)


@pytest.mark.parametrize("name", TEXTS)
def test_the_cost_of_a_hostile_text_is_linear_and_limited(name):
    create = TEXTS[name]
    half, whole = measure(create(2_000)), measure(create(4_000))
    assert whole < MAX_SECONDS
    assert whole < 3 * half + 0.005, f"{half * 1000:.1f} ms for the half, {whole * 1000:.1f} ms for the whole"


def test_a_text_that_is_too_complex_is_shown_as_typed():
    body = repeat("**a ", 4_000)
    assert render_markdown(body, {})[0] == f"<p>{body.strip()}</p>\n"


def test_a_long_message_with_much_formatting_is_formatted():
    body = repeat(
        "**重点：**看 `代码` 和 [这里](https://example.com/a)，*谢谢*。\n- 第一项内容\n- 第二项内容\n\n", 4_000
    )
    assert "<strong>重点：</strong>" in render_markdown(body, {})[0]
