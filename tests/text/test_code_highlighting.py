"""Tests of syntax highlighting of code in messages: which parts of the code are marked, escaping of HTML, and the CPU
time in the worst case.
"""

from __future__ import annotations

import random
import re
import time

import pytest

from chat.text.code_highlighting import LANGUAGES, MAX_TOKENS, highlight_code
from chat.text.markdown import render_markdown
from tests.text.html_reader import HTMLReader, assert_harmless

FRAGMENTS = [
    *("\"'`()[]{}<>/\\#$@=:|&%*,;~^!?-+._ \n\t"),
    *(
        "/*",
        "*/",
        "//",
        "<!--",
        "-->",
        "</",
        "<a ",
        '"""',
        "'''",
        "${",
        "$(",
        "<?",
        "\\\\",
        "0x",
        "1e",
        "a ",
        "if ",
        "def ",
        "é",
        "中",
        "--",
        "@@",
    ),
]


def render_code_block(code: str, language: str) -> str:
    return render_markdown(f"```{language}\n{code}\n```", {})[0]


def list_tokens(code: str, language: str) -> list[tuple[str, str]]:
    html = highlight_code(code, language) or ""
    return re.findall(r'<span class="t-(\w)">([^<]*)</span>', html)


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        (
            "python",
            "def f(): return 'x'  # why",
            [("k", "def"), ("f", "f"), ("k", "return"), ("s", "'x'"), ("c", "# why")],
        ),
        ("js", "const a = `b\nc`; // d", [("k", "const"), ("s", "`b\nc`"), ("c", "// d")]),
        ("json", '{"a": [1, true]}', [("f", '"a"'), ("n", "1"), ("k", "true")]),
        ("sql", "SELECT a FROM b -- c", [("k", "SELECT"), ("k", "FROM"), ("c", "-- c")]),
        ("sh", "echo $HOME 'a' # b", [("n", "$HOME"), ("s", "'a'"), ("c", "# b")]),
        ("diff", "-old\n+new", [("d", "-old"), ("i", "+new")]),
        ("html", '<a href="b">', [("k", "&lt;a"), ("f", "href"), ("s", '"b"'), ("k", "&gt;")]),
        ("yaml", "a: true # b", [("f", "a"), ("k", "true"), ("c", "# b")]),
        ("css", "a { color: #fff }", [("f", "color"), ("n", "#fff")]),
        ("rust", "fn f<'a>() { 'x' }", [("k", "fn"), ("s", "'x'")]),
    ],
)
def test_tokens_are_highlighted(language, code, expected):
    assert list_tokens(code, language) == expected


def test_an_unknown_language_is_not_highlighted():
    assert render_code_block("a < b", "brainfuck") == (
        '<pre data-language="brainfuck"><code class="language-brainfuck">a &lt; b\n</code></pre>\n'
    )
    assert render_code_block("a", "") == "<pre><code>a\n</code></pre>\n"
    assert "data-language" not in render_code_block("a", '"onclick=')


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_code_is_escaped_and_complete(language):
    code = "</code></pre><script>alert(1)</script> '\" <img src=x onerror=alert(1)> & &amp; @alice ]]> -->"
    read = assert_harmless(render_code_block(code, language))
    assert read.text.strip() == code
    assert {tag for tag, _ in read.tags} <= {"pre", "code", "span"}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_highlighting_keeps_the_text(language):
    rng = random.Random(language)
    for _ in range(40):
        code = "".join(rng.choice(FRAGMENTS) for _ in range(120))
        if (html := highlight_code(code, language)) is not None:
            assert HTMLReader(html).text == code


def test_code_contains_no_mentions():
    from accounts.schemas import build_user_schema

    html, mentions = render_markdown(
        "```python\n@alice\ndef f(): pass\n```", {"alice": build_user_schema(1, "alice", "Alice")}
    )
    assert '<span class="t-f">@alice</span>' in html and not mentions


def test_code_with_too_many_tokens_is_not_highlighted():
    assert highlight_code("1 " * MAX_TOKENS, "python") is not None
    assert highlight_code("1 " * (MAX_TOKENS + 1), "python") is None


@pytest.mark.parametrize("language", sorted({id(each): name for name, each in LANGUAGES.items()}.values()))
def test_hostile_code_is_highlighted_in_milliseconds(language):
    """Highlights 4,000 characters that repeat a short piece of code, with and without a prefix such as an opening
    quote.

    One of at most five runs takes less than 25 ms of CPU time: other processes may slow down some of them.
    """
    highlight_code("", language)
    for first in ["", '"', "'", "/*", "<", "a ", "#", "class "]:
        for fragment in FRAGMENTS:
            code = (first + fragment * 4000)[:4000]
            assert any(_seconds(code, language) < 0.025 for _ in range(5)), (first, fragment)


def _seconds(code: str, language: str) -> float:
    started = time.process_time()
    highlight_code(code, language)
    return time.process_time() - started
