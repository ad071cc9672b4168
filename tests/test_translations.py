"""The Chinese catalogue says all that the code says and nothing more, and says it well. Without gettext's programs.

A failure here is mended by `bin/words`: what it leaves empty is to be translated, then run it again.
"""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import MinimumLengthValidator
from django.core.exceptions import ValidationError
from django.utils import dateformat, translation
from django.utils.translation.template import templatize

from accounts.auth.adapters import AccountAdapter

SOURCES = ("accounts", "chat", "messenger", "presence", "templates")
CATALOGUE = Path(settings.BASE_DIR) / "locale/zh_Hans/LC_MESSAGES/django.po"
RUN = "run bin/words"

LITERAL = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
CALL = re.compile(rf"\b(n?p?gettext|_)\(((?:{LITERAL},?\s*)+)", re.DOTALL)


class Key(NamedTuple):
    text: str
    plural: str = ""
    context: str = ""


class Entry(NamedTuple):
    key: Key
    chinese: str


# ── What the code says ──
def key(function: str, words: list[str]) -> Key:
    """Of a call like `npgettext(context, text, plural)`."""
    context = words.pop(0) if function.lstrip("n").startswith("pgettext") else ""
    return Key(words[0], words[1] if function.startswith("n") else "", context)


def said_in_python(source: str) -> Iterator[Key]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
        words = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if words and re.fullmatch(r"_|n?p?gettext(_lazy|_noop)?", function):
            yield key(function, words)


def said_in_template(source: str) -> Iterator[Key]:
    for call in CALL.finditer(templatize(source)):
        yield key(call[1], [ast.literal_eval(word) for word in re.findall(LITERAL, call[2], re.DOTALL)])


@cache
def said() -> set[Key]:
    keys: set[Key] = set()
    for folder in SOURCES:
        for file in (Path(settings.BASE_DIR) / folder).rglob("*"):
            if file.suffix == ".py":
                keys.update(said_in_python(file.read_text()))
            elif file.suffix in {".html", ".txt"}:
                keys.update(said_in_template(file.read_text()))
    return keys


# ── What the catalogue says ──
def entries() -> list[Entry]:
    found = []
    for block in re.split(r"\n\n+", CATALOGUE.read_text())[1:]:
        assert "#, fuzzy" not in block, f"only guessed:\n{block}"
        said: dict[str, str] = {}
        for name, words in re.findall(r'^(msg\w+)(?:\[0\])? ((?:".*"\n?)+)', block, re.MULTILINE):
            said[name] = "".join(ast.literal_eval(line) for line in words.splitlines())
        if said:
            words = Key(said["msgid"], said.get("msgid_plural", ""), said.get("msgctxt", ""))
            found.append(Entry(words, said["msgstr"]))
    return found


ENTRIES = entries()


def test_all_that_the_code_says_can_be_said_in_chinese():
    missing = said() - {entry.key for entry in ENTRIES if entry.chinese}
    assert not missing, f"{RUN}, and translate"


def test_nothing_stands_there_that_the_code_no_longer_says():
    stale = {entry.key for entry in ENTRIES} - said()
    assert not stale, RUN


def test_it_is_compiled():
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for (text, plural, context), chinese in ENTRIES:
        told = compiled.npgettext(context, text, plural, 1) if plural else compiled.pgettext(context, text)
        if not context:
            told = compiled.ngettext(text, plural, 1) if plural else compiled.gettext(text)
        assert told == chinese, RUN


def test_what_others_say_on_our_pages_is_chinese_too():
    """Django and allauth, through messenger/third_party_strings.py."""
    with translation.override("zh-hans"):
        assert dateformat.format(date(2026, 11, 20), "D") == "周五"
        with pytest.raises(ValidationError, match="密码太短，至少需要 8 个字符。"):
            MinimumLengthValidator().validate("short")
        assert str(AccountAdapter.error_messages["incorrect_password"]) == "密码不正确。"


def test_no_words_are_said_both_with_a_number_and_without():
    """gettext keeps one Chinese for both, with a place for the number that only one of them fills."""
    counted = {(key.text, key.context) for key in said() if key.plural}
    assert not counted & {(key.text, key.context) for key in said() if not key.plural}


# ── How it says it ──
def places(text: str) -> list[str]:
    """What is filled in later, and markup."""
    return sorted(re.findall(r"%\(\w+\)[sd]|%%?[a-z]\b|<[^>]+>", text))


def test_translations_keep_the_places_and_write_chinese():
    for (text, plural, context), chinese in ENTRIES:
        if context != "date format" or "(" in text:
            assert places(chinese) == places(plural or text)
        words = re.sub(r"<[^>]+>|%\(\w+\)[sd]", "", chinese)
        half = re.search(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]", words)
        assert not half, f"punctuation is full width: {chinese}"
        assert "您" not in words, f"people are spoken to as 你: {chinese}"
