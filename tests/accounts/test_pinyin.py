"""Tests of search keys: texts in Latin letters by which a name is found. For example, `xiaoming` and `xm` find 小明.

Keys of Chinese names are the pinyin (Chinese in Latin letters) and its first letters. Some characters are read in
another way in family names.
"""

import pytest

from accounts.text.pinyin import MAX_KEYS, MAX_RUN_LENGTH, fold_to_ascii, pinyin_keys, user_search_keys


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("王小明", ["wangxiaoming", "xiaoming", "wxm", "xm"]),
        ("王 小明", ["wangxiaoming", "wxm"]),
        ("單小明", ["shanxiaoming", "danxiaoming"]),
        ("曾国藩", ["zengguofan", "zgf"]),
        ("尉迟恭", ["yuchigong", "ycg"]),
        ("吕布", ["lvbu", "lubu"]),
        ("銀行", ["yinhang", "yh"]),
        ("Zoë Lee", ["zoelee", "lee"]),
        ("小明 Ming", ["xiaoming", "ming"]),
    ],
)
def test_a_name_has_these_search_keys(name, some):
    assert set(some) <= set(pinyin_keys(name))


def test_a_family_name_uses_its_reading_as_a_family_name_first():
    assert pinyin_keys("单小明")[0] == "shanxiaoming"
    assert pinyin_keys("查小明")[0] == "zhaxiaoming"


def test_the_number_of_keys_is_limited():
    assert len(pinyin_keys("乐" * 60)) <= MAX_KEYS and max(map(len, pinyin_keys("乐" * 60))) <= MAX_RUN_LENGTH * 6
    assert len(user_search_keys("x" * 30, "单曾解查乐盖" * 10)) <= 2 * MAX_KEYS


@pytest.mark.parametrize("name", ["", "🦊", "...", "\u200d", "-_-"])
def test_text_without_letters_has_no_key(name):
    assert pinyin_keys(name) == []


def test_names_of_every_script_have_keys():
    assert "петров" in user_search_keys("ivan", "Иван Петров")
    assert "小明" in user_search_keys("wang", "王小明")
    assert "alice" in user_search_keys("al-ice", "")


def test_no_key_is_a_prefix_of_another():
    found = user_search_keys("wang", "王小明 Wang")
    assert not [one for one in found for other in found if one != other and other.startswith(one)]


def test_a_query_is_normalized_like_keys():
    assert fold_to_ascii("Xiǎo-Míng ’s") == "xiaomings"
