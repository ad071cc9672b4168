"""Detects the language of a text, and whether a text has only emoji.

In the browser `static/js/lib/text-language.js` does the same. Both modules are tested with
tests/js/shared_cases/languages.json and tests/js/shared_cases/emoji_only.json. Both modules list the same
character ranges, because the character classes of regular expressions are different in JavaScript and Python.
"""

from __future__ import annotations

import json
import re
from functools import cache

from django.conf import settings

CHINESE, LATIN, OTHER = "zh-Hans", "en", "und"

# Code, URLs and mentions are ignored, because they say nothing about the language of the text.
_IGNORED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://[!-~]+|@[A-Za-z0-9_.-]+", re.DOTALL)
_HAN = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_KANA_OR_HANGUL = re.compile("[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\u3131-\u318e\uac00-\ud7a3]")
_WORD = re.compile("[A-Za-z\u00c0-\u1fff]+")  # in any alphabet
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]+")

_SKIN_TONE = "[\U0001f3fb-\U0001f3ff]"
_PICTOGRAPH = (
    "(?:[\u00a9\u00ae\u203c-\u3299]\ufe0f"  # symbols that are emoji only with a variation selector
    "|[\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55]"
    "|[\U0001f004\U0001f0cf\U0001f170-\U0001f19a\U0001f201-\U0001f251\U0001f300-\U0001faff]\ufe0f?)"
)
_EMOJI = (
    "(?:[\U0001f1e6-\U0001f1ff]{2}"  # the flag of a country
    "|[0-9#*]\ufe0f?\u20e3"  # a keycap
    f"|{_PICTOGRAPH}{_SKIN_TONE}?[\U000e0020-\U000e007f]*(?:\u200d{_PICTOGRAPH}{_SKIN_TONE}?)*)"
)
_NOT_EMOJI = re.compile("[\u205f-\u206f\u3000]")  # in the ranges above, but no emoji: spaces, word joiners, directions
_SINGLE_EMOJI = re.compile(_EMOJI)
_FEW_EMOJI = re.compile(f" *(?:{_EMOJI} *){{1,3}}")


def detect_language(text: str) -> str:
    """Returns `zh-Hans` for Chinese, `en` for Latin letters, `und` for other languages, "" for a text without words.

    The page uses the result to choose a font, and all languages with Latin letters have the same font as English. A
    Chinese text may contain words in other alphabets, and an English text may contain a Chinese name. A text with more
    than a few Japanese or Korean characters is `und`, because a Chinese font would show some of its characters wrongly.
    """
    has_ignored = "`" in text or "@" in text or "://" in text  # seldom: saves time
    prose = _IGNORED.sub(" ", text) if has_ignored else text
    if prose.isascii():  # the same result as below, in a fraction of the time
        return LATIN if _LATIN.search(prose) else ""
    words, kana_or_hangul = _WORD.findall(prose), len(_KANA_OR_HANGUL.findall(prose))
    if (han := len(_HAN.findall(prose))) and han > 2 * len(words) and han > 10 * kana_or_hangul:
        return CHINESE
    if words and not kana_or_hangul and any(_LATIN.fullmatch(word) for word in words):
        return LATIN
    return OTHER if words or kana_or_hangul or han else ""


def get_lang_attribute(language: str, page_language: str) -> str:
    """Returns the value of the HTML attribute `lang` for a text in `language`, or "" if it needs no such attribute.

    A Chinese text always needs the attribute. Other texts need it only on a page in Chinese.
    """
    return language if language == CHINESE or page_language.startswith("zh") else ""


def is_emoji_only(text: str) -> bool:
    """Returns True if a text has one to three emoji and nothing else. Such messages are displayed larger."""
    return len(text) <= 64 and _FEW_EMOJI.fullmatch(text) is not None


def is_single_emoji(text: str) -> bool:
    """Returns True if a text is exactly one emoji. The emoji may have several characters, for example a skin tone.

    Used to check the emoji with which a user reacts to a message.
    """
    return len(text) <= 32 and _SINGLE_EMOJI.fullmatch(text) is not None and not _NOT_EMOJI.search(text)


_VARIATION_SELECTORS = re.compile("[\ufe0e\ufe0f]")
EMOJI_TABLE = "static/vendor/emoji/emoji.json"


def normalize_emoji(text: str) -> str:
    """Returns an emoji in the form that Unicode recommends, so that equal emoji are equal texts.

    `❤` and `❤️` are the same emoji; the second one has a variation selector. The result has the selector behind each
    character that would otherwise be displayed as text, and nowhere else.
    """
    plain = _VARIATION_SELECTORS.sub("", text)
    return "".join(
        f"{char}\ufe0f" if char in _text_characters() and not re.match(_SKIN_TONE, plain[index + 1 :]) else char
        for index, char in enumerate(plain)
    )


@cache
def _text_characters() -> frozenset[str]:
    """Returns the characters that are displayed as emoji only with a variation selector."""
    table = json.loads((settings.RESOURCES_DIR / EMOJI_TABLE).read_text("utf-8"))
    return frozenset(re.findall("(.)\ufe0f", "".join(table["emoji"])))
