"""Tests of rendering Markdown messages as HTML.

The HTML must be correct, contain the whole text, and be harmless for any message. The rendering time is limited even
for the most expensive message.
"""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.schemas import build_user_schema
from chat.text import markdown
from chat.text.markdown import render_markdown
from tests.text.html_reader import HTMLReader, assert_harmless

ALICE = {"alice": build_user_schema(1, "alice", "Alice")}
quick = settings(deadline=None, suppress_health_check=list(HealthCheck))


def render(body: str, members=ALICE, **options) -> str:
    return render_markdown(body, members, **options)[0]


# ── Output ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("hello", "<p>hello</p>\n"),
        ("one\ntwo", "<p>one<br>\ntwo</p>\n"),
        ("one\r\ntwo\rthree", "<p>one<br>\ntwo<br>\nthree</p>\n"),
        ("one\n\n\ntwo", "<p>one</p>\n<p>two</p>\n"),
        ("**bold** *em* ~~gone~~", "<p><strong>bold</strong> <em>em</em> <s>gone</s></p>\n"),
        ("*a* is in __init__.py", "<p><em>a</em> is in __init__.py</p>\n"),
        ("__so__. Next", "<p><strong>so</strong>. Next</p>\n"),
        ("`a < b`", "<p><code>a &lt; b</code></p>\n"),
        (
            "```python\nx = 1\n```",
            '<pre data-language="python"><code class="language-python">x = <span class="t-n">1</span>\n</code></pre>\n',
        ),
        ("```\nx\n```这样对吗", "<pre><code>x\n</code></pre>\n<p>这样对吗</p>\n"),
        ("```\nx\n``` so, **ok**", "<pre><code>x\n</code></pre>\n<p>so, <strong>ok</strong></p>\n"),
        ("```\nx\n``` y\n```", "<pre><code>x\n``` y\n</code></pre>\n"),
        (
            "> ```\n> x\n> ``` why\n> so",
            "<blockquote>\n<pre><code>x\n</code></pre>\n<p>why<br>\nso</p>\n</blockquote>\n",
        ),
        ("> quoted", "<blockquote>\n<p>quoted</p>\n</blockquote>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. c", '<ol start="3">\n<li>c</li>\n</ol>\n'),
        # Markdown for whole documents, for example headings, is not supported.
        ("# 1 reason", "<p># 1 reason</p>\n"),
        ("well\n====", "<p>well<br>\n====</p>\n"),
        ("well\n---", "<p>well<br>\n---</p>\n"),
        ("***", "<p>***</p>\n"),
        ("    indented", "<p>indented</p>\n"),
        ("a | b\n--|--\n1 | 2", "<p>a | b<br>\n--|--<br>\n1 | 2</p>\n"),
        ("<b>bold</b>", "<p>&lt;b&gt;bold&lt;/b&gt;</p>\n"),
        ("2 < 3 && 4 > 1", "<p>2 &lt; 3 &amp;&amp; 4 &gt; 1</p>\n"),
        ("　　**一**\n　　二", "<p>　　<strong>一</strong><br>\n　　二</p>\n"),  # Chinese paragraphs are indented
        ("*a*\n\n　　二", "<p><em>a</em></p>\n<p>　　二</p>\n"),
        ("> 　*a*", "<blockquote>\n<p>　<em>a</em></p>\n</blockquote>\n"),
        ("[a]\n\n[a]: http://b.example", None),  # link reference definitions are not supported
    ],
)
def test_markdown_of_messages(body, expected):
    rendered = render(body)
    assert_harmless(rendered)
    if expected is not None:
        assert rendered == expected
    else:
        assert "[a]" in rendered


@pytest.mark.parametrize(
    "body",
    [
        "see https://example.org/a?b=c#d now",
        "see <https://example.org/a?b=c#d>",
        "see [this](https://example.org/a?b=c#d)",
        'see [this](https://example.org/a?b=c#d "a title")',
    ],
)
def test_links_send_no_referrer(body):
    read = assert_harmless(render(body))
    (link,) = [attributes for tag, attributes in read.tags if tag == "a"]
    assert link["href"] == "https://example.org/a?b=c#d"
    assert set(link["rel"].split()) == {"noopener", "noreferrer", "nofollow", "ugc"}


def test_images_are_not_rendered():
    rendered = render("![a spy](https://example.org/pixel.png)")
    assert "<img" not in rendered and "a spy" in rendered


def test_only_urls_with_a_scheme_are_linked():
    for before in ("", "**also** ", "> ", "- "):
        assert "<a" not in render(f"{before}example.org www.example.org alice@example.org 10.0.0.1 //example.org")


# ── Fast path for plain text ────────────────────────────────────────────────────────────────────────────────────────
def render_with_parser(body: str) -> str:
    """Renders a message text with the Markdown parser.

    `render_markdown` skips the parser for simple texts, because this is faster. Tests compare both results.
    """
    return markdown._sanitize(markdown._markdown.render(markdown._normalize_line_ends(body)))


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
def test_the_fast_path_renders_like_the_parser(body):
    if not markdown._MARKDOWN_CHARACTERS.search(body):
        assert markdown._render_plain(body) == render_with_parser(body)


@quick
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60))
def test_the_fast_path_renders_any_text_like_the_parser(body):
    if not markdown._MARKDOWN_CHARACTERS.search(body):
        assert markdown._render_plain(body) == render_with_parser(body)


# ── Completeness ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "body",
    ["> " * 30 + "deep", "- " * 30 + "deep", "\n".join("  " * n + "- level" for n in range(30)) + " deep"],
    ids=["quotes", "lists", "indented"],
)
def test_deep_nesting_keeps_the_text(body):
    read = assert_harmless(render(body))
    assert "deep" in read.text
    assert len(read.tags) < 200


SYNTAX = st.sampled_from(
    [
        *"*_`~[]()<>!#+-|\\&; \n\t\"'/:.@=",
        *("**", "~~", "```", "> ", "- ", "1. ", "  ", "\n\n", "http://", "](", "&amp;", "@alice"),
    ]
)
WORDS = st.sampled_from(["one", "two", "drei", "界面", "four4"])


@quick
@given(st.lists(SYNTAX | WORDS, max_size=40))
def test_rendering_keeps_every_word(pieces):
    body = "".join(pieces)
    read = assert_harmless(render(body))
    shown = read.text + " ".join(" ".join(attributes.values()) for _tag, attributes in read.tags)
    for word in ("one", "two", "drei", "four4"):
        # A URL may appear twice: in the text and in an attribute. No word may be missing.
        assert shown.count(word) >= body.count(word) - len(re.findall(r"(?:```|~~~)[^\n]*", body)) * 40, body


# ── Safety ──────────────────────────────────────────────────────────────────────────────────────────────────────────
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
def test_attacks_are_harmless(body):
    for text in (body, f"hi {body} there", f"> {body}", f"- {body}", f"**{body}**", f"@alice {body} @alice"):
        assert_harmless(render(text))


@quick
@given(st.lists(st.sampled_from(ATTACKS) | SYNTAX | st.text(max_size=4), max_size=6).map("".join))
def test_combined_attacks_are_harmless(body):
    assert_harmless(render(body))
    assert_harmless(render(body, {}))


# ── Worst-case time ─────────────────────────────────────────────────────────────────────────────────────────────────
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


def hostile_texts() -> list[str]:
    texts = [(unit * LIMIT)[:LIMIT] for unit in REPEATED]
    for opened, closed in OPENED_AND_CLOSED:
        count = (LIMIT - 1) // (len(opened) + len(closed))
        texts.append(opened * count + "x" + closed * count)
    texts += ["".join(sign * n + " " for n in range(1, 89))[:LIMIT] for sign in "`~[*"]
    texts.append("".join(f"@{chr(0x4E00 + n)}{chr(0x5E00 + n)}{'名' * 27}" for n in range(133))[:LIMIT])
    texts.append("".join(f"@alice{chr(0x4E00 + n)}" for n in range(570))[:LIMIT])
    return texts


def measure_cost(body: str, tries: int) -> float:
    """Returns the CPU seconds needed to render a message text.

    It is the shortest time of several tries, because other programs on the machine may slow down a try.
    """
    seconds = []
    for _ in range(tries):
        started = time.thread_time()
        markdown.find_mention_keys(body)
        render_markdown(body, ALICE)
        seconds.append(time.thread_time() - started)
    return min(seconds)


@pytest.fixture(scope="module")
def ordinary() -> float:
    """Returns the CPU seconds needed to render an ordinary message text of the maximum length, about 0.006."""
    return measure_cost(
        ("So it is rendered, **here** and there, by `us` and @alice: see http://a.b/c. " * LIMIT)[:LIMIT], 9
    )


@pytest.mark.parametrize("body", hostile_texts(), ids=lambda body: ascii(body[:12]))
def test_rendering_time_is_bounded(body, ordinary):
    """Rendering a message text made to be slow may take at most 15 times as long as an ordinary text of the maximum
    length.

    The slowest known text takes 7 times as long. If the time grew with the square of the text length, it would take far
    longer.
    """
    assert measure_cost(body, 1) < 15 * ordinary or measure_cost(body, 5) < 15 * ordinary


def test_the_html_reader_detects_harmful_html():
    """Tests the helper `assert_harmless` itself: it must reject harmful and unbalanced HTML."""
    for bad in ("<script>x</script>", "<p onclick=x>y</p>", '<a href="javascript:x" rel="ugc">y</a>', "<p>", "<b/>"):
        with pytest.raises(AssertionError):
            assert_harmless(bad)
    assert HTMLReader("<p>a<br>b</p>").text == "ab"
