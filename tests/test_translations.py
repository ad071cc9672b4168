"""Tests that the Chinese translations contain exactly the strings of the code, each with a valid translation.

If a test fails, run `bin/words`, translate the strings that it leaves empty, and run it again. The gettext programs
need not be installed.
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

SOURCES = ("accounts", "audit", "calls", "chat", "messenger", "notifications", "presence", "scheduling", "templates")
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


# ── Strings in the code ───
def make_key(function: str, words: list[str]) -> Key:
    """Returns the text, plural and context of a call of a gettext function, such as `npgettext(context, text, plural)`.

    `function` is the name of the function, `words` are its arguments.
    """
    context = words.pop(0) if function.lstrip("n").startswith("pgettext") else ""
    return Key(words[0], words[1] if function.startswith("n") else "", context)


def strings_in_python(source: str) -> Iterator[Key]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
        words = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        is_literal = len(words) > ("pgettext" in function)  # not a text in a variable
        if is_literal and re.fullmatch(r"_|n?p?gettext(_lazy|_noop)?", function):
            yield make_key(function, words)


def strings_in_template(source: str) -> Iterator[Key]:
    for call in CALL.finditer(templatize(source)):
        yield make_key(call[1], [ast.literal_eval(word) for word in re.findall(LITERAL, call[2], re.DOTALL)])


@cache
def strings_in_code() -> set[Key]:
    keys: set[Key] = set()
    for folder in SOURCES:
        for file in (Path(settings.BASE_DIR) / folder).rglob("*"):
            if file.suffix == ".py":
                keys.update(strings_in_python(file.read_text()))
            elif file.suffix in {".html", ".txt"}:
                keys.update(strings_in_template(file.read_text()))
    return keys


# ── Strings in the catalogue ───
def read_entries() -> list[Entry]:
    entries = []
    for block in re.split(r"\n\n+", CATALOGUE.read_text())[1:]:
        assert "#, fuzzy" not in block, f"this translation is a guess:\n{block}"
        fields: dict[str, str] = {}
        for name, words in re.findall(r'^(msg\w+)(?:\[0\])? ((?:".*"\n?)+)', block, re.MULTILINE):
            fields[name] = "".join(ast.literal_eval(line) for line in words.splitlines())
        if fields:
            key = Key(fields["msgid"], fields.get("msgid_plural", ""), fields.get("msgctxt", ""))
            entries.append(Entry(key, fields["msgstr"]))
    return entries


ENTRIES = read_entries()


def test_all_strings_are_translated():
    missing = strings_in_code() - {entry.key for entry in ENTRIES if entry.chinese}
    assert not missing, f"{RUN}, and translate"


def test_the_catalogue_has_no_obsolete_strings():
    stale = {entry.key for entry in ENTRIES} - strings_in_code()
    assert not stale, RUN


def test_the_compiled_catalogue_is_current():
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for (text, plural, context), chinese in ENTRIES:
        translated = compiled.npgettext(context, text, plural, 1) if plural else compiled.pgettext(context, text)
        if not context:
            translated = compiled.ngettext(text, plural, 1) if plural else compiled.gettext(text)
        assert translated == chinese, RUN


def test_third_party_strings_are_translated():
    """Strings of Django and allauth that users see are translated; messenger/third_party_strings.py lists them."""
    with translation.override("zh-hans"):
        assert dateformat.format(date(2026, 11, 20), "D") == "周五"
        with pytest.raises(ValidationError, match="密码太短，至少需要 8 个字符。"):
            MinimumLengthValidator().validate("short")
        assert str(AccountAdapter.error_messages["incorrect_password"]) == "密码不正确。"


def test_no_string_is_used_with_and_without_plural():
    """No string is used both in a call with a plural (`ngettext`) and in a call without (`gettext`).

    gettext stores one translation for both calls, but only the call with a plural fills in the number.
    """
    counted = {(key.text, key.context) for key in strings_in_code() if key.plural}
    assert not counted & {(key.text, key.context) for key in strings_in_code() if not key.plural}


# ── Quality of translations ───
def placeholders(text: str) -> list[str]:
    """Returns the placeholders (`%(name)s`, `%s`) and HTML tags in a text, sorted."""
    return sorted(re.findall(r"%\(\w+\)[sd]|%%?[a-z]\b|<[^>]+>", text))


def test_translations_keep_placeholders_and_chinese_punctuation():
    for (text, plural, context), chinese in ENTRIES:
        if context != "date format" or "(" in text:
            assert placeholders(chinese) == placeholders(plural or text)
        words = re.sub(r"<[^>]+>|%\(\w+\)[sd]", "", chinese)
        half_width = re.search(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]", words)
        assert not half_width, f"punctuation is full width: {chinese}"
        assert "您" not in words, f"people are spoken to as 你: {chinese}"
