"""Tests of two checks of text: whether it is a single emoji, which is allowed as a reaction, and whether it has no
visible characters.
"""

from __future__ import annotations

import json

import pytest
from django.conf import settings

from chat.actions.validation import body_error, clean_single_line, is_blank
from chat.text.language import EMOJI_TABLE, is_single_emoji, normalize_emoji
from messenger.core.errors import ApplicationError

# Emoji of one code point, and with variation selector, skin tone, joiners, regional indicators, keycap and tags.
EMOJI = (
    "👍 ❤️ ❤ 😂 🎉 👀 🙏 👍🏽 ☝🏿 👩‍🚀 👨‍👩‍👧‍👦 ❤️‍🔥 🏳️‍🌈 🏴‍☠️ 🇨🇳 1️⃣ #️⃣ *⃣ ‼️ ↔️ "
    "ℹ️ ™️ Ⓜ️ 〰️ ㊗️ 🀄 🅰️ 🈚 ⏰ ⌚ ⛹🏽‍♂️ 👁️‍🗨️ 🧑🏻‍🤝‍🧑🏿 🫶 🩷 🫨 🐦‍⬛ 🏴󠁧󠁢󠁥󠁮󠁧󠁿"
)
NOT_SINGLE_EMOJI = [
    "",
    " ",
    "a",
    "ok",
    "1",
    "界",
    "👍👍",
    "👍 ",
    " 👍",
    "👍a",
    "👍\u202e",
    "\u202e👍",
    "👍\u200b",
    "👍\u0301",
    "😀" + "\u0301" * 10,
    "👩‍",
    "\u200d👩",
    "\u200d",
    "\ufe0f",
    "🏽\u20e3",
    "🇨",
    "🇨🇳🇨🇳",
    "!",
    "!?\ufe0f",
    "\u2800",
    "\ufffc",
    "\ufffd",
    "\ufdd0",
    "\U0001fffe",
    "\ue000",
    "\x00",
    "\ud83d",
    "<b>",
    "👍" * 5000,
    "👨" + "‍👨" * 30,
]


@pytest.mark.parametrize("text", EMOJI.split(" "))
def test_a_single_emoji(text):
    assert is_single_emoji(text)


@pytest.mark.parametrize("text", NOT_SINGLE_EMOJI, ids=lambda text: ascii(text[:8]))
def test_not_a_single_emoji(text):
    assert not is_single_emoji(text)


def test_every_emoji_of_the_picker_is_in_its_normal_form():
    for emoji in json.loads((settings.BASE_DIR / EMOJI_TABLE).read_text("utf-8"))["emoji"]:
        assert normalize_emoji(emoji) == normalize_emoji(emoji.replace("\ufe0f", "")) == emoji
        assert normalize_emoji(emoji.replace("\ufe0f", "\ufe0e")) == emoji and is_single_emoji(emoji)


BLANK = [
    "",
    " \t\r\n\v\f",
    "\xa0\u1680\u2000\u2007\u200a\u202f\u205f\u3000",
    "\x85\u2028\u2029\x1c\x1f",
    "\u200b\u200c\u200d\u2060\ufeff\u00ad",
    "\u200e\u200f\u202a\u202e\u2066\u2069\u061c",
    "\u115f\u1160\u3164\uffa0",
    "\u2800\u2800",
    "\u034f\u17b4\u17b5\u180b\u180e\U00016fe4",
    "\ufe00\ufe0f\U000e0100\U000e01ef",
    "\U000e0001\U000e0020\U000e007f",
    "\u2061\u2064\u2065\u206f\ufff0\ufff9\ufffb",
    "\U0001d159\U0001d173\U0001bca0",
    "\u0301",
    "\x01\x07\x1b\x7f\x9f",
    "\ufffe\uffff",
]


@pytest.mark.parametrize("text", BLANK, ids=ascii)
def test_invisible_text_is_blank(text):
    assert is_blank(text)
    error = body_error(text)
    assert error is not None and error.code == "invalid" and set(error.fields) == {"body"}
    with pytest.raises(ApplicationError):
        clean_single_line(text, 80, "title", required=True)


@pytest.mark.parametrize(
    "text",
    [
        ".",
        "界",
        " a ",
        "\u200ba",
        "é",
        "e\u0301",
        "👍",
        "🩷",
        "🫩",
        "\uf8ff",
        "\u3002",
        "·",
        "\U00020000",
        "꧅",
        "\u0e33",
    ],
)
def test_visible_text_is_not_blank(text):
    assert not is_blank(text)
    assert body_error(text) is None


def test_a_message_has_four_thousand_code_points():
    for fits in ("x" * 4000, "界" * 4000, "👍" * 4000, "e\u0301" * 2000):
        assert body_error(fits) is None
        assert body_error(fits + "x").code == "invalid"
    for not_storable in ("a\x00b", "a\ud800b", "\udfff\ud800"):
        assert body_error(not_storable).code == "invalid"
