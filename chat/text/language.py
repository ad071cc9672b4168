"""How a text is set: in which language, and whether it is so little that it is set big.

`static/js/lib/text-language.js` does the same for live messages; both keep to tests/shared_cases/languages.json and tests/shared_cases/emoji_only.json.
The ranges are written out, since scripts and Python do not know the same classes of characters.
"""

from __future__ import annotations

import re

CHINESE, LATIN, OTHER = "zh-Hans", "en", "und"

# No sign of the language that somebody writes: code, addresses, names in Latin letters.
_ASIDE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://[!-~]+|@[A-Za-z0-9_.-]+", re.DOTALL)
_HAN = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_KANA_OR_HANGUL = re.compile("[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\u3131-\u318e\uac00-\ud7a3]")
_WORD = re.compile("[A-Za-z\u00c0-\u1fff]+")  # of any alphabet
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]+")

_SKIN = "[\U0001f3fb-\U0001f3ff]"
_SIGN = (
    "(?:[\u00a9\u00ae\u203c-\u3299]\ufe0f"  # a sign that is a picture only when it is asked to be
    "|[\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55]"
    "|[\U0001f004\U0001f0cf\U0001f170-\U0001f19a\U0001f201-\U0001f251\U0001f300-\U0001faff]\ufe0f?)"
)
_EMOJI = (
    "(?:[\U0001f1e6-\U0001f1ff]{2}"  # the flag of a country
    "|[0-9#*]\ufe0f?\u20e3"  # a key
    f"|{_SIGN}{_SKIN}?[\U000e0020-\U000e007f]*(?:\u200d{_SIGN}{_SKIN}?)*)"
)
_NO_PICTURE = re.compile("[\u205f-\u206f\u3000]")  # among those signs: spaces, joiners of words, directions
_ONE_EMOJI = re.compile(_EMOJI)
_FEW_EMOJI = re.compile(f" *(?:{_EMOJI} *){{1,3}}")


def lang_of(text: str) -> str:
    """`zh-Hans` for a Chinese text, `en` for Latin letters, `und` for any other, nothing where no word is said.

    A Chinese sentence may have words of other alphabets in it, and an English one a Chinese name. What is more than
    a little Japanese or Korean is `und`: Chinese letterforms would be wrong there. `en` is a guess, good enough for
    how Latin letters are set.
    """
    said = _ASIDE.sub(" ", text)
    words, kana = _WORD.findall(said), len(_KANA_OR_HANGUL.findall(said))
    if (han := len(_HAN.findall(said))) and han > 2 * len(words) and han > 10 * kana:
        return CHINESE
    if words and not kana and any(_LATIN.fullmatch(word) for word in words):
        return LATIN
    return OTHER if words or kana or han else ""


def lang_for(text: str, page: str) -> str:
    """The `lang` of a text on a page in that language: a Chinese text always has one, others only among Chinese."""
    lang = lang_of(text)
    return lang if lang == CHINESE or page.startswith("zh") else ""


def is_big(text: str) -> bool:
    """One to three emoji and nothing else."""
    return len(text) <= 64 and _FEW_EMOJI.fullmatch(text) is not None


def is_emoji(text: str) -> bool:
    """One picture, as a reaction is: with its joiners and its skin, and nothing else."""
    return len(text) <= 32 and _ONE_EMOJI.fullmatch(text) is not None and not _NO_PICTURE.search(text)
