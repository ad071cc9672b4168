"""Tests that words of word lists are found in Chinese and against tricks, and not inside of other words."""

from __future__ import annotations

import pytest

from chat.text.word_matching import MASK, WordMatcher, mask
from tests.text.function_calls import count_calls

MATCHER = WordMatcher([(word, word) for word in ("spam", "赌博", "free money", "六合彩", "Ü-Ei", "казино", "42")])


def find(text: str) -> list[str]:
    return [match.value for match in MATCHER.find(text)]


@pytest.mark.parametrize(
    "text",
    [
        "这里可以赌博吗",
        "赌 博",
        "赌*博",
        "赌\u200b博",
        "赌\u2060\ufe0f博",
        "赌 . 博",
        "賭博赌|博",
    ],
)
def test_chinese_words_are_found_without_spaces_and_between_signs(text):
    assert find(text) == ["赌博"]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "spam",
            "SPAM!",
            "ｓｐａｍ",
            "ＳＰＡＭ",
            "s p a m",
            "s.p.a.m",
            "s-p_a*m",
            "sp\u00adam",
            "s\u200bp\u200da\ufeffm",
        ),
        *("(spam)", "no spam, please", "ѕрам spam", "垃圾spam邮件", "śpâm", "𝐬𝐩𝐚𝐦"),
    ],
)
def test_latin_words_are_found_with_other_width_case_accents_and_signs(text):
    assert find(text) == ["spam"]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "this pamphlet",
            "spammer",
            "antispam",
            "他赌。博士来了",
            "赌\n博",
            "sp, am",
            "s    p    a    m",
            "赌————博",
            "",
            "。。",
        ),
        *("142", "4200", "赌徒博物馆"),
    ],
)
def test_other_words_are_left_alone(text):
    assert find(text) == []


def test_phrases_and_other_scripts():
    assert find("FREE  MONEY and freemoney, КАЗИНО, ü ei, 42, 六.合.彩") == [
        *("free money", "free money", "казино", "Ü-Ei", "42", "六合彩"),
    ]


def test_masking_replaces_each_letter_and_keeps_the_rest():
    for text, masked in {
        "我爱赌*博，你呢": f"我爱{MASK * 2}，你呢",
        "**spam** and s p a m": f"**{MASK * 4}** and {MASK * 4}",
        "nothing": "nothing",
    }.items():
        assert mask(text, MATCHER.find(text)) == masked


def test_ten_thousand_words_call_no_more_functions_than_ten():
    words = [(f"{chr(0x4E00 + number % 8000)}{chr(0x5000 + number // 3)}赌", number) for number in range(10_000)]
    text = "今天天气很好，我们去公园散步吧。 " * 235  # 4000 characters
    few, many = (count_calls(WordMatcher(some).find, text) for some in (words[:10], words))
    assert many <= few
