"""User names: which ones there may be, and when two of them look alike.

A name is written as in Unicode's NFKC, 2 to 30 code points of letters of any script, the digits 0 to 9 and `_ . -`.
It begins and ends with a letter, digit or `_`, so that `@name.` at the end of a sentence names nobody else.

Two names look alike when they do so in small letters (`skeleton`) or in capitals (`capitals`): Cyrillic `вов` is no
`bob`, but `ВОВ` is a `BOB`. Both keys are unique in the database.
"""

from __future__ import annotations

import json
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files

from confusable_homoglyphs.categories import alias
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

SHORTEST, LONGEST = 2, 30
KEY_LENGTH = 120  # of a key in the database; a letter may fold into several

_PUNCTUATION = "_.-"
_LETTERS = {"Lu", "Ll", "Lt", "Lm", "Lo"}
_MARKS = {"Mn", "Mc"}
# Letters by category that show nothing, or stand for nothing: fillers, joiners, variation selectors.
_INVISIBLE = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x3164, 0xFFA0, 0x16FE4}
_INVISIBLE |= {*range(0x180B, 0x180E), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_SHARED_LETTERS = "ー〆〇々"  # used in Chinese and Japanese words, though of no one script
# Scripts that are written together. Latin goes with each of these groups, and with no other script.
_TOGETHER = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "BOPOMOFO"},
    {"LATIN", "HAN", "HANGUL"},
)
_TWO_LIKE_ONE = (("rn", "m"), ("vv", "w"))  # side by side they look like one: `rnark` and `mark`
_MOST_MARKS = 3  # on one letter

DELETED = "deleted-"  # how the names of accounts begin that are no more; nobody else's does
# What would be taken for the site itself, or for everybody. Compared by look.
RESERVED = """
    admin administrator all anonymous api bot channel deleted everybody everyone group here help info mail me
    messenger mod moderator moderators nobody none null official owner postmaster root security service settings
    staff superuser support sysadmin system undefined unknown user webmaster www you
    所有人 全体 全体成员 大家 管理员 系统 系统消息 客服 官方 我 自己 匿名 群主 版主
"""


def tidy_username(text: str) -> str:
    """The name as it is kept. Raises ValidationError, in words, for what can be no name."""
    name = unicodedata.normalize("NFKC", text.strip())
    if not SHORTEST <= len(name) <= LONGEST:
        raise ValidationError(
            _("A user name has %(shortest)d to %(longest)d characters."),
            code="length",
            params={"shortest": SHORTEST, "longest": LONGEST},
        )
    if not all(is_name_character(character) for character in name):
        raise ValidationError(
            _("A user name is made of letters, the digits 0 to 9 and the signs _ . and - only."), code="characters"
        )
    if name[0] in ".-" or name[-1] in ".-" or unicodedata.category(name[0]) in _MARKS:
        raise ValidationError(_("A user name begins and ends with a letter, a digit or _."), code="ends")
    if not any(character.isalnum() for character in name):
        raise ValidationError(_("A user name has at least one letter or digit."), code="empty")
    if _too_many_marks(name):
        raise ValidationError(_("There are too many marks on one letter."), code="marks")
    if not _goes_together(name):
        raise ValidationError(_("These letters are of scripts that are not written together."), code="scripts")
    return name


def clean_username(text: str) -> str:
    """`tidy_username` for a name that somebody chooses: not one of those that the site keeps for itself."""
    name = tidy_username(text)
    if {skeleton(name), capitals(name)} & _reserved() or skeleton(name).startswith(skeleton(DELETED)):
        raise ValidationError(_("This user name is reserved."), code="reserved")
    return name


def validate_username(text: str) -> None:
    """For the model field: what `createsuperuser` asks too. The operator may be called `admin`."""
    tidy_username(text)


def validate_chosen_username(text: str) -> None:
    clean_username(text)


username_validators = [validate_chosen_username]  # settings.ACCOUNT_USERNAME_VALIDATORS


def is_name_character(character: str) -> bool:
    if character in _PUNCTUATION or character in _SHARED_LETTERS or "0" <= character <= "9":
        return True
    if ord(character) in _INVISIBLE:
        return False
    category = unicodedata.category(character)
    if category == "Lm":  # modifier letters: many are mere dots and ticks
        return alias(character) not in {"COMMON", "INHERITED"}
    return category in _LETTERS or category in _MARKS


@lru_cache(maxsize=4096)
def skeleton(text: str) -> str:
    """What a name looks like in small letters. Names with one key are one name, for signing in too."""
    return _face(unicodedata.normalize("NFKC", text.strip()).casefold())[:KEY_LENGTH]


@lru_cache(maxsize=4096)
def capitals(text: str) -> str:
    """What a name looks like in capitals."""
    return _face(unicodedata.normalize("NFKC", text.strip()).upper())[:KEY_LENGTH]


def clean_line(text: str, longest: int) -> str:
    """One line of free text, such as a display name: no control or direction characters, single spaces.

    Joiners stay: emoji and Persian words are made with them. Raises ValidationError when it is too long.
    """
    kept = "".join(
        character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace()
        or character in "\u200c\u200d"
        or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    )
    line = " ".join(kept.split())
    if not any(_shows(character) for character in line):
        return ""
    if len(line) > longest:
        raise ValidationError(_("At most %(longest)d characters."), code="length", params={"longest": longest})
    return line


def _shows(character: str) -> bool:
    blank = ord(character) in _INVISIBLE or character == "\u2800"  # an empty Braille cell
    return not blank and unicodedata.category(character) not in {"Cf", "Zs", "Mn"}


def storable(text: str) -> str:
    """What a database can be asked for: without NUL, which PostgreSQL refuses, and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def _too_many_marks(name: str) -> bool:
    marks = 0
    for character in unicodedata.normalize("NFD", name):
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        if marks > _MOST_MARKS:
            return True
    return False


def _goes_together(name: str) -> bool:
    scripts = {alias(character) for character in name} - {"COMMON", "INHERITED"}
    return len(scripts) <= 1 or any(scripts <= group for group in _TOGETHER)


def _face(text: str) -> str:
    looks = _looks()
    letters = unicodedata.normalize("NFD", text)
    seen = "".join(looks.get(letter, letter) for letter in letters).casefold()
    # I, l and 1 are one stroke; casefolding has made an i of the first, the table an l of the last.
    face = unicodedata.normalize("NFD", seen).replace("i", "l").replace("ı", "l")
    for two, one in _TWO_LIKE_ONE:
        face = face.replace(two, one)
    return face


@cache
def _looks() -> dict[str, str]:
    """Letter → the letters that stand for all those of its look (Unicode's confusables, UTS 39)."""
    table = json.loads(files("confusable_homoglyphs").joinpath("confusables.json").read_text("utf-8"))
    near = {key: [_bare(entry["c"]) for entry in entries] for key, entries in table.items()}
    looks = {}
    for letter, others in near.items():
        # The table goes both ways. What stands for a look has many that look like it; those have one: it.
        if len(letter) != 1 or len(others) != 1 or letter == others[0]:
            continue
        target = others[0]
        if len(near.get(target, ())) <= 1 and (len(target), target) > (1, letter):
            continue  # a pair: the smaller stands for both
        looks[letter] = target
    return looks


def _bare(text: str) -> str:
    return text.replace("\u200e", "")  # the table marks right-to-left letters so


@cache
def _reserved() -> frozenset[str]:
    return frozenset(face(word) for word in RESERVED.split() for face in (skeleton, capitals))
