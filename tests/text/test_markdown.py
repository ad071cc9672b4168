"""Markdown to HTML: what comes out, that it says what was said, that nothing in it runs, and how long it takes."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.schemas import UserSchema
from chat.text import markdown
from chat.text.markdown import render
from tests.text.html_reader import Reader, assert_harmless

ALICE = {"alice": UserSchema(1, "alice", "Alice")}
quick = settings(deadline=None, suppress_health_check=list(HealthCheck))


def html(body: str, members=ALICE, **options) -> str:
    return render(body, members, **options)[0]


# ── What comes out ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("hello", "<p>hello</p>\n"),
        ("one\ntwo", "<p>one<br>\ntwo</p>\n"),
        ("one\r\ntwo\rthree", "<p>one<br>\ntwo<br>\nthree</p>\n"),
        ("one\n\n\ntwo", "<p>one</p>\n<p>two</p>\n"),
        ("**bold** *em* ~~gone~~", "<p><strong>bold</strong> <em>em</em> <s>gone</s></p>\n"),
        ("`a < b`", "<p><code>a &lt; b</code></p>\n"),
        (
            "```python\nx = 1\n```",
            '<pre data-language="python"><code class="language-python">x = <span class="t-n">1</span>\n</code></pre>\n',
        ),
        ("> quoted", "<blockquote>\n<p>quoted</p>\n</blockquote>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. c", '<ol start="3">\n<li>c</li>\n</ol>\n'),
        # A chat is not a document.
        ("# 1 reason", "<p># 1 reason</p>\n"),
        ("well\n====", "<p>well<br>\n====</p>\n"),
        ("well\n---", "<p>well<br>\n---</p>\n"),
        ("***", "<p>***</p>\n"),
        ("    indented", "<p>indented</p>\n"),
        ("a | b\n--|--\n1 | 2", "<p>a | b<br>\n--|--<br>\n1 | 2</p>\n"),
        ("<b>bold</b>", "<p>&lt;b&gt;bold&lt;/b&gt;</p>\n"),
        ("2 < 3 && 4 > 1", "<p>2 &lt; 3 &amp;&amp; 4 &gt; 1</p>\n"),
        ("[a]\n\n[a]: http://b.example", None),  # no definitions far away
    ],
)
def test_a_chat_s_markdown(body, expected):
    said = html(body)
    assert_harmless(said)
    if expected is not None:
        assert said == expected
    else:
        assert "[a]" in said


@pytest.mark.parametrize(
    "body",
    [
        "see https://example.org/a?b=c#d now",
        "see <https://example.org/a?b=c#d>",
        "see [this](https://example.org/a?b=c#d)",
        'see [this](https://example.org/a?b=c#d "a title")',
    ],
)
def test_links_tell_nothing_to_where_they_lead(body):
    read = assert_harmless(html(body))
    (link,) = [attributes for tag, attributes in read.tags if tag == "a"]
    assert link["href"] == "https://example.org/a?b=c#d"
    assert set(link["rel"].split()) == {"noopener", "noreferrer", "nofollow", "ugc"}


def test_pictures_are_not_fetched_from_elsewhere():
    said = html("![a spy](https://example.org/pixel.png)")
    assert "<img" not in said and "a spy" in said


def test_only_addresses_with_a_scheme_are_links():
    assert "<a" not in html("example.org www.example.org alice@example.org 10.0.0.1 //example.org")


# ── Plain text, the quick way ────────────────────────────────────────────────────────────────────────────────────
def slowly(body: str) -> str:
    """What Markdown itself makes of it, without the short cut."""
    return markdown._clean(markdown._markdown.render(markdown._line_ends(body)))


PIECES = st.sampled_from(
    [
        *"abcXYZ019 .,:;!?'\"-+=#|/()@%^$é界😀",
        *"\t\n\r\v\f\x1c\x1f\x7f\x85\xa0\u2028\u2029\u3000\u200b\u202e\ue000\ue001\ufeff",
        *(
            "\n\n",
            "  \n",
            " \n \n ",
            "\n\t\n",
            "http:",
            "//",
            "www.",
            "mailto",
            "1.",
            "1)",
            "- ",
            "12345678901.",
            "---",
            "===",
        ),
    ]
)


@quick
@given(st.lists(PIECES, max_size=25).map("".join))
@example("a \n b")
@example("\u3000a\u3000\nb\u3000")
@example("a\n \u3000\nb")
@example("a\xa0b")
@example("\x0ba\x0c\n\x0bb")
@example("a\n\x0c\nb")
def test_the_quick_way_says_what_markdown_says(body):
    if not markdown._SIGNS.search(body):
        assert markdown._plain(body) == slowly(body)


@quick
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60))
def test_the_quick_way_says_what_markdown_says_of_any_text(body):
    if not markdown._SIGNS.search(body):
        assert markdown._plain(body) == slowly(body)


# ── Nothing is swallowed ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "body",
    ["> " * 30 + "deep", "- " * 30 + "deep", "\n".join("  " * n + "- level" for n in range(30)) + " deep"],
    ids=["quotes", "lists", "indented"],
)
def test_what_is_nested_too_deeply_is_still_said(body):
    read = assert_harmless(html(body))
    assert "deep" in read.words
    assert len(read.tags) < 200


MARKS = st.sampled_from(
    [
        *"*_`~[]()<>!#+-|\\&; \n\t\"'/:.@=",
        *("**", "~~", "```", "> ", "- ", "1. ", "  ", "\n\n", "http://", "](", "&amp;", "@alice"),
    ]
)
WORDS = st.sampled_from(["one", "two", "drei", "界面", "four4"])


@quick
@given(st.lists(MARKS | WORDS, max_size=40))
def test_every_word_that_was_written_is_read(pieces):
    body = "".join(pieces)
    read = assert_harmless(html(body))
    shown = read.words + " ".join(" ".join(attributes.values()) for _tag, attributes in read.tags)
    for word in ("one", "two", "drei", "four4"):
        # An address may stand in the text and in the attribute; nothing may be missing.
        assert shown.count(word) >= body.count(word) - len(re.findall(r"(?:```|~~~)[^\n]*", body)) * 40, body


# ── Nothing runs ─────────────────────────────────────────────────────────────────────────────────────────────────
ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<style>*{background:url(//evil.example)}</style>",
    "<link rel=stylesheet href=//evil.example>",
    "<base href=//evil.example>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<details open ontoggle=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<java\nscript:alert(1)>)",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A&#x61&#x76&#x61script:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](%6Aavascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml;base64,PHN2Zy8+)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://a/b)",
    "[x](//evil.example)",
    '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
    "[x](https://a.example 'x\"onmouseover=alert(1)')",
    '[x](https://a.example/"onmouseover=alert(1)//)',
    "![x](javascript:alert(1))",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "javascript:alert(1)",
    '```"onmouseover=alert(1)\nx\n```',
    '```x"><script>alert(1)</script>\nx\n```',
    "`<script>alert(1)</script>`",
    "[a]: javascript:alert(1)\n\n[a]",
    "@<script>alert(1)</script>",
    "@alice<script>alert(1)</script>",
    "[@alice](javascript:alert(1))",
    '<span class="mention" data-user-id="1">@alice</span>',
    "\ue0000\ue001",
    "&#xE000;0&#xE001;",
    "&#xE000;7&#xE001; @alice",
    "&#57344;7&#57345; @alice",
    "[x](http://a.example/%EE%80%807%EE%80%81) @alice",
    "[x](http://a.example/%EE%80%800%EE%80%81) @alice",
    "\ue000<script>\ue001",
]


@pytest.mark.parametrize("body", ATTACKS)
def test_nothing_runs(body):
    for text in (body, f"hi {body} there", f"> {body}", f"- {body}", f"**{body}**", f"@alice {body} @alice"):
        assert_harmless(html(text))


@quick
@given(st.lists(st.sampled_from(ATTACKS) | MARKS | st.text(max_size=4), max_size=6).map("".join))
def test_nothing_runs_however_it_is_put_together(body):
    assert_harmless(html(body))
    assert_harmless(html(body, {}))


# ── How long it takes ────────────────────────────────────────────────────────────────────────────────────────────
LIMIT = 4000
REPEATED = [
    "*", "**", "*a ", "**a ", "*a **b ", "_a __b ", "***a* ", "a*", "**a*b", "*界*", "~", "~~", "~~a ",
    "[", "[a](", "[a](b", "![", "![[]()", "[]", "]", "[a][b]", "[a](<b>", "[a](b 'c", "[](<",
    "`", "``a", "`a``b", "\\", "\\`", "\\[", "[\\", "&", "&amp;", "&lt;", "&#1;", "&a",
    "<", "<a", "<a ", "<http://a>", "<!--", "<a href=\"", "<a@b.c>",
    "> ", ">", ">>a\n", "> a\n>> b\n", "> - ", "- ", "- - ", "* a\n", "1. ", "1) a\n", "- a\n  ", "> 1. a\n", "- > ",
    "\t", "  ", "\n", "a\n\n", "    a\n", "=\n", "a|b\n-|-\n", "```\n", "~~~\n", "```a\n`",
    "://", "a://", "xhttp://", "http://", "http:// ", "http://a.b ", "https://a.b/(", "http://a.b/?*_~[](",
    "mailto:a@b.c ", "http:// -", "-http://", "ftp://",
    "@", "@@", "@alice", "@alice ", "@小千", "@a.b-c_d", "_@", "@_", "*_~`[](<&\\", "(", "((", "e\u0301", "界", "👩‍🚀",
]  # fmt: skip
OPENED_AND_CLOSED = [
    ("[", "]"), ("[a](", ")"), ("*", " *"), ("**", "**"), ("_", "_"), ("<", ">"), ("`", " `"), ("![", "]()"),
    ("*a ", "*"), ("*a **b ", " b** a*"), ("[ (", "](")
]  # fmt: skip


def bombs() -> list[str]:
    made = [(unit * LIMIT)[:LIMIT] for unit in REPEATED]
    for opened, closed in OPENED_AND_CLOSED:
        count = (LIMIT - 1) // (len(opened) + len(closed))
        made.append(opened * count + "x" + closed * count)
    made += ["".join(sign * n + " " for n in range(1, 89))[:LIMIT] for sign in "`~[*"]
    made.append("".join(f"@{chr(0x4E00 + n)}{chr(0x5E00 + n)}{'名' * 27}" for n in range(133))[:LIMIT])
    made.append("".join(f"@alice{chr(0x4E00 + n)}" for n in range(570))[:LIMIT])
    return made


def cost(body: str, tries: int) -> float:
    """Seconds of a processor, the best of some tries, since this machine may be busy."""
    spent = []
    for _ in range(tries):
        begun = time.thread_time()
        markdown.named_in(body)
        render(body, ALICE)
        spent.append(time.thread_time() - begun)
    return min(spent)


@pytest.fixture(scope="module")
def ordinary() -> float:
    """What a decent text of the same length costs: some 6 ms."""
    return cost(("So it is said, **here** and there, by `us` and @alice: see http://a.b/c. " * LIMIT)[:LIMIT], 9)


@pytest.mark.parametrize("body", bombs(), ids=lambda body: ascii(body[:12]))
def test_no_text_takes_long(body, ordinary):
    """The worst that we know takes seven times as long as a decent text; what grows as a square, hundreds of times."""
    assert cost(body, 1) < 15 * ordinary or cost(body, 5) < 15 * ordinary


def test_reading_is_not_fooled():
    """The guard itself: what is harmful is found."""
    for bad in ("<script>x</script>", "<p onclick=x>y</p>", '<a href="javascript:x" rel="ugc">y</a>', "<p>", "<b/>"):
        with pytest.raises(AssertionError):
            assert_harmless(bad)
    assert Reader("<p>a<br>b</p>").words == "ab"
