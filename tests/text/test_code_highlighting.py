"""Code with its words marked: what is marked, that nothing in it runs, and how long it takes at worst."""

from __future__ import annotations

import random
import re
import time

import pytest

from chat.text.code_highlighting import LANGUAGES, MARKS, highlighted
from chat.text.markdown import render
from tests.text.html_reader import Reader, assert_harmless

SIGNS = [
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


def fenced(code: str, language: str) -> str:
    return render(f"```{language}\n{code}\n```", {})[0]


def marked(code: str, language: str) -> list[tuple[str, str]]:
    said = highlighted(code, language) or ""
    return re.findall(r'<span class="t-(\w)">([^<]*)</span>', said)


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
def test_a_few_kinds_are_marked(language, code, expected):
    assert marked(code, language) == expected


def test_a_language_nobody_knows_stays_plain_and_is_named():
    assert fenced("a < b", "brainfuck") == (
        '<pre data-language="brainfuck"><code class="language-brainfuck">a &lt; b\n</code></pre>\n'
    )
    assert fenced("a", "") == "<pre><code>a\n</code></pre>\n"
    assert "data-language" not in fenced("a", '"onclick=')


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_nothing_in_code_runs_and_nothing_is_lost(language):
    code = "</code></pre><script>alert(1)</script> '\" <img src=x onerror=alert(1)> & &amp; @alice ]]> -->"
    read = assert_harmless(fenced(code, language))
    assert read.words.strip() == code
    assert {tag for tag, _ in read.tags} <= {"pre", "code", "span"}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_words_are_the_same_whatever_is_written(language):
    chance = random.Random(language)
    for _ in range(40):
        code = "".join(chance.choice(SIGNS) for _ in range(120))
        if (said := highlighted(code, language)) is not None:
            assert Reader(said).words == code


def test_a_mention_in_code_is_words():
    from accounts.schemas import UserSchema

    said, mentions = render("```python\n@alice\ndef f(): pass\n```", {"alice": UserSchema(1, "alice", "Alice")})
    assert '<span class="t-f">@alice</span>' in said and not mentions


def test_very_many_pieces_stay_plain():
    assert highlighted("1 " * MARKS, "python") is not None
    assert highlighted("1 " * (MARKS + 1), "python") is None


@pytest.mark.parametrize("language", sorted({id(each): name for name, each in LANGUAGES.items()}.values()))
def test_hostile_code_takes_milliseconds(language):
    """Each sign, alone and after others, four thousand code points of it; the best of two."""
    highlighted("", language)
    for first in ["", '"', "'", "/*", "<", "a ", "#", "class "]:
        for sign in SIGNS:
            code = (first + sign * 4000)[:4000]
            assert min(_seconds(code, language) for _ in range(2)) < 0.025, (first, sign)


def _seconds(code: str, language: str) -> float:
    began = time.process_time()
    highlighted(code, language)
    return time.process_time() - began
