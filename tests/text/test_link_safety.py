"""Tests of misleading links: if the text of a link looks like another address, the message also shows the host to which
the link really leads.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.conf import settings

from chat.text.markdown import render_markdown
from tests.text.html_reader import assert_harmless


def render_link(body: str) -> tuple[dict[str, str], str]:
    """Renders a message text that contains exactly one link.

    Returns the HTML attributes of this link and the visible text of the whole message.
    """
    read = assert_harmless(render_markdown(body, {})[0])
    (attributes,) = [attributes for tag, attributes in read.tags if tag == "a"]
    return attributes, read.text.strip()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("[https://bank.example](https://evil.example/x)", "https://bank.example (evil.example)"),
        ("[see bank.example, please](https://evil.example)", "see bank.example, please (evil.example)"),
        ("[**bank.example**/sign-in](https://evil.example)", "bank.example/sign-in (evil.example)"),
        ("https://bank.example@evil.example/", "https://bank.example@evil.example/ (evil.example)"),
        ("[BANK.example.](https://evil.example)", "BANK.example. (evil.example)"),
        ("https://аррӏе.com/", "https://аррӏе.com/ (xn--80ak6aa92e.com)"),
        *(
            (f"[{text}](https://evil.example)", f"{text} (evil.example)")
            for text in (
                "bank\u2024test",
                "bank\u3002test/x",
                "https://银行\u3002中国/x",
                "https:\u2215\u2215bank.test",
                "https:\u2044\u2044bank.test",
                "https:\u29f8\u29f8bank.test",
                "https\uff1a\uff0f\uff0fbank\uff0etest",
                "see\u2026bank.test",
            )
        ),
    ],
)
def test_a_misleading_link_shows_its_true_host(body, text):
    assert render_link(body)[1] == text


@pytest.mark.parametrize(
    "body",
    [
        "https://example.org/a?b=c",
        "[example.org](https://www.example.org/page)",
        "[the minutes](https://example.org/minutes)",
        "[version 1.20](https://example.org/)",
        "https://例子.中国/页",
        "[example\uff0eorg](https://example.org/)",
        "[请看这里。谢谢大家](https://example.org/)",
        "[等等……我来了](https://example.org/)",
    ],
)
def test_an_honest_link_shows_no_host(body):
    assert "(" not in render_link(body)[1]


def test_the_title_of_a_link_is_its_host():
    attributes, _ = render_link('[here](https://example.org/x "https://bank.example")')
    assert attributes["title"] == "example.org"


def test_external_links_open_in_a_new_tab():
    assert render_link("https://example.org/")[0]["target"] == "_blank"
    assert "target" not in render_link(f"[there]({settings.SITE_URL}/m/12/)")[0]
    lookalike = f"http://{urlsplit(settings.SITE_URL).hostname}.evil.example/m/12/"
    assert render_link(f"[there]({lookalike})")[0]["target"] == "_blank"
    assert "target" not in render_link("[bob](mailto:bob@example.org)")[0]


def test_a_long_url_keeps_its_full_text():
    url = "https://example.org/" + "a" * 90
    attributes, text = render_link(url)
    assert attributes["class"] == "long" and attributes["title"] == url and text == url


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "//example.org", "/m/1/"])
def test_other_schemes_are_not_linked(url):
    html = render_markdown(f"[click]({url})", {})[0]
    assert "javascript" not in html or "<a" not in html
    assert_harmless(html)
