"""Tests of initials and colours of avatars without a picture."""

from __future__ import annotations

import pytest

from messenger.core.initials import initials_for


@pytest.mark.parametrize(
    ("name", "initial", "second", "lang"),
    [
        ("bob", "B", "o", "en"),
        ("Walk on Sunday", "W", "S", "en"),
        ("ada lovelace", "A", "L", "en"),
        ("X", "X", "", "en"),
        ("éva", "É", "v", "en"),
        ("ßtein", "ß", "t", "en"),
        ("42 things", "4", "T", "en"),
        ("小千", "小千", "", "zh-Hans"),
        ("小千 and others", "小千", "", "zh-Hans"),
        ("千", "千", "", "zh-Hans"),
        ("欧阳小千", "欧阳", "", "zh-Hans"),
        ("阿B", "阿", "", "zh-Hans"),
        ("翻译组", "翻译", "", "zh-Hans"),
        ("  (bob)", "B", "o", "en"),
        ("🙂 smile", "S", "m", "en"),
        ("🙂", "🙂", "", "en"),
        ("…", "…", "", "en"),
        ("", "", "", "en"),
        ("👨‍👩‍👧 🐶", "👨‍👩‍👧", "", "en"),
        ("🇨🇳", "🇨🇳", "", "en"),
        ("👍🏽!", "👍🏽", "", "en"),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "", "en"),
    ],
)
def test_initials_of_a_name(name, initial, second, lang):
    initials = initials_for(name, 1)
    assert (initials.initial, initials.second, initials.lang) == (initial, second, lang)


def test_every_colour_is_used_and_groups_have_another_one_than_users_of_the_same_id():
    assert (initials_for("bob", 123).hue, initials_for("bob", 123, is_group=True).hue) == (3, 8)
    assert {initials_for("bob", number).hue for number in range(20)} == set(range(10))
