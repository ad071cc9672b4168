"""Tests that formatting characters such as `*` stay visible in a message where they do not format anything.

Rendering a message must not change words or numbers that its author has typed.
"""

from __future__ import annotations

import pytest

from chat.text.markdown import render_markdown
from tests.text.html_reader import assert_harmless


def render(body: str) -> str:
    html = render_markdown(body, {})[0]
    assert_harmless(html)
    return html


def show(body: str) -> str:
    return assert_harmless(render(body)).text.strip()


@pytest.mark.parametrize(
    "body",
    [
        *("~~~哈哈", "```哈哈", "```", "```python", "```\n```", "```js\n\n```", "~~~", "~~~\nx\n~~~", "> ```"),
        *(
            "+",
            "-",
            "*",
            "1.",
            "1)",
            ">",
            ">>",
            "> >",
            "- -",
            "+1",
            "[](https://example.org)",
            "yes\n+",
            "yes\n\n1.",
            "- _",
            "1. -",
        ),
    ],
)
def test_a_text_that_formats_nothing_is_shown_as_typed(body):
    assert show(body).replace("\n\n", "\n") in (body.replace("\n\n", "\n"), body.removeprefix("> "))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("```SELECT * FROM x;\nfoo\n```", "SELECT * FROM x;\nfoo\n"),
        ("```hello world\nfoo\n```", "hello world\nfoo\n"),
        ("```你好\nfoo\n```", "你好\nfoo\n"),
        ("```SELECT 1\nFROM x```", "SELECT 1\nFROM x\n"),
        ("```\na\n  b``` ", "a\n  b\n"),
        ("````\na```\nb````", "a```\nb\n"),
        ("```\nuse `x` or y```\nz\n```", "use `x` or y```\nz\n"),
    ],
)
def test_words_behind_a_fence_are_the_first_line_of_the_code(body, code):
    assert render(body) == f"<pre><code>{code}</code></pre>\n"


def test_the_name_of_a_language_behind_a_fence_is_not_shown():
    assert '<pre data-language="python">' in render("```Python\nx\n```")
    assert show("```haskell\nx\n```") == "x"


@pytest.mark.parametrize(
    ("body", "items"),
    [
        ("1. yes\n3. no\n7. maybe", ["", "3", "7"]),
        ("3. c\n2. b", ["", "2"]),
        ("1. a\n1. b", ["", "1"]),
        ("1. a\n2. b\n3. c", ["", "", ""]),
    ],
)
def test_list_items_keep_their_typed_numbers(body, items):
    assert [attrs.get("value", "") for tag, attrs in assert_harmless(render(body)).tags if tag == "li"] == items


def test_numbers_with_leading_zeros_are_no_list():
    assert show("01. a\n02. b") == "01. a\n02. b"
    assert "02. b" in show("1. a\n02. b")


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("> 几点？\n三点", "<blockquote>\n<p>几点？</p>\n</blockquote>\n<p>三点</p>\n"),
        ("> > a\n> b\nc", None),
        ("- milk\neggs", "<ul>\n<li>milk</li>\n</ul>\n<p>eggs</p>\n"),
        ("1. milk\neggs", "<ol>\n<li>milk</li>\n</ol>\n<p>eggs</p>\n"),
        ("> - a\nb", "<blockquote>\n<ul>\n<li>a</li>\n</ul>\n</blockquote>\n<p>b</p>\n"),
        ("- a\n  b", "<ul>\n<li>a<br>\nb</li>\n</ul>\n"),
    ],
)
def test_a_line_without_marker_is_outside_of_a_quote_or_list(body, html):
    rendered = render(body)
    assert rendered == html or (html is None and rendered.endswith("</blockquote>\n<p>c</p>\n"))


@pytest.mark.parametrize(
    "body",
    [
        r"\\server\share\_new",
        r"C:\dir\*.txt",
        r"C:\new\[old]\a",
        r"2 \* 3",
        r"a\_b",
        r"\d+\.\*\(x\)",
        r"¯\_(ツ)_/¯",
        "C:\\dir\\\nD:\\",
        r"\#1 \! \|",
        r"D:\data\[2024]\(1).txt",
        r"path\@bob",
        *("\\>", "\\*", "7\\)", "\\- -", "a\n\\>\nb", "\\1.", "\\``"),
        r"\\",
    ],
)
def test_a_backslash_that_prevents_no_formatting_is_shown(body):
    assert show(body) == body


@pytest.mark.parametrize(
    "body",
    [
        r"\*not italic\*",
        r"\*not italic*",
        r"*not italic\*",
        r"\*\*not\*\*",
        r"\_not\_ so",
        r"\~~not~~",
        r"\`not`",
        r"\[not](https://example.org)",
        r"\- not",
        r"1\. not",
        r"\> not",
    ],
)
def test_a_backslash_that_prevents_formatting_is_not_shown(body):
    assert show(body) == body.replace("\\", "")
    assert not {"em", "strong", "s", "code", "li", "blockquote"} & {
        tag for tag, _ in assert_harmless(render(body)).tags
    }


@pytest.mark.parametrize(
    "face",
    [
        *(
            ">_<",
            "^_^",
            "-_-",
            "*_*",
            "=_=",
            "(*^_^*)",
            "(*￣3￣)",
            "(*￣︶￣*)",
            "_(:з」∠)_",
            "(*^o^*)",
            "> _ <",
            "T_T",
        ),
        *("*^_^*", "(｡･ω･｡)", "・_・", "*\\(^o^)/*"),
    ],
)
def test_faces_are_shown_as_typed(face):
    for body in (face, f"{face} 好的 {face}", f"好的{face}"):
        assert show(body) == body


def test_escaped_brackets_in_the_words_of_a_link_are_shown_without_backslashes():
    """The page writes them when a URL is pasted over words with brackets."""
    for words in (r"a\[b\]", r"第\[1\]节", r"a\]", r"\[a"):
        read = assert_harmless(render(f"[{words}](https://example.org) 好"))
        assert read.text.strip() == words.replace("\\", "") + " 好" and "a" in [tag for tag, _ in read.tags]


def test_a_link_without_scheme_leads_to_its_host():
    for target in ("www.example.com", "example.com/a?b", "//example.com/a"):
        assert f'href="https://{target.lstrip("/")}' in render(f"[site]({target})")
    for target in ("http:example.com", "http:/example.com"):  # a browser would open a path of this site
        assert 'href="http://example.com"' in render(f"[site]({target})")
    assert 'href="mailto:bob@example.com"' in render("[mail](bob@example.com)")


@pytest.mark.parametrize(
    "target", ["page", "../x", "?q=1", "#top", "javascript:alert(1)", "", "<>", "https:", "http://", "mailto:"]
)
def test_a_link_that_would_lead_to_a_missing_page_is_shown_as_typed(target):
    assert show(f"[site]({target})") == f"[site]({target})" and "<a" not in render(f"[site]({target})")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a%20b/report.pdf",
        "https://example.org/%E5%8C%97",
        "https://xn--fiqs8s.example/",
        "https://example.org/a%2Fb?c=%26",
    ],
)
def test_a_url_is_shown_as_it_was_written(url):
    assert show(url) == url and show(f"<{url}>") == url
    assert f'href="{url}"' in render(url)
