"""Links say where they lead."""

from __future__ import annotations

import pytest
from django.conf import settings

from chat.text.markdown import render
from tests.text.html_reader import assert_harmless


def link(body: str) -> tuple[dict[str, str], str]:
    """The attributes of the one link, and all words."""
    read = assert_harmless(render(body, {})[0])
    (attributes,) = [attributes for tag, attributes in read.tags if tag == "a"]
    return attributes, read.words.strip()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("[https://bank.example](https://evil.example/x)", "https://bank.example (evil.example)"),
        ("[see bank.example, please](https://evil.example)", "see bank.example, please (evil.example)"),
        ("[**bank.example**/sign-in](https://evil.example)", "bank.example/sign-in (evil.example)"),
        ("https://bank.example@evil.example/", "https://bank.example@evil.example/ (evil.example)"),
        ("[BANK.example.](https://evil.example)", "BANK.example. (evil.example)"),
        ("https://аррӏе.com/", "https://аррӏе.com/ (xn--80ak6aa92e.com)"),
        *(
            (f"[{words}](https://evil.example)", f"{words} (evil.example)")
            for words in (
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
def test_a_link_that_looks_like_another_address_names_its_true_host(body, words):
    assert link(body)[1] == words


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
def test_an_honest_link_says_no_more(body):
    assert "(" not in link(body)[1]


def test_the_title_is_the_host_and_never_what_the_writer_put_there():
    attributes, _ = link('[here](https://example.org/x "https://bank.example")')
    assert attributes["title"] == "example.org"


def test_links_to_elsewhere_open_beside_and_links_to_this_site_do_not():
    assert link("https://example.org/")[0]["target"] == "_blank"
    assert "target" not in link(f"[there]({settings.SITE_URL}/m/12/)")[0]
    assert link(f"[there]({settings.SITE_URL}.evil.example/m/12/)")[0]["target"] == "_blank"
    assert "target" not in link("[bob](mailto:bob@example.org)")[0]


def test_a_long_address_is_cut_to_the_eye_alone():
    address = "https://example.org/" + "a" * 90
    attributes, words = link(address)
    assert attributes["class"] == "long" and attributes["title"] == address and words == address


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "//example.org", "/m/1/"])
def test_other_schemes_are_no_links_that_run(address):
    said = render(f"[click]({address})", {})[0]
    assert "javascript" not in said or "<a" not in said
    assert_harmless(said)
