"""Contains the rules for valid user names, and computes keys by which names that look alike are found.

A name is normalized to NFKC and has 2 to 30 code points: letters of any script, the digits 0 to 9 and `_ . -`. It
begins and ends with a letter, a digit or `_`. So if a sentence ends in `@name.`, its full stop is not part of the name.

Two names look alike if their lowercase forms do (`skeleton`) or their uppercase forms do (`uppercase_skeleton`).
Example: Cyrillic `вов` does not look like `bob`, but `ВОВ` looks like `BOB`. Both keys are unique in the database.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files

from confusable_homoglyphs.categories import alias
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.form_checks import Check
from accounts.text.cleaning import INVISIBLE

MIN_USERNAME_LENGTH, MAX_USERNAME_LENGTH = 2, 30
MAX_KEY_LENGTH = 120  # of a skeleton in the database; one letter may map to several
MAX_LOGIN_LENGTH = 254  # characters of what is typed to sign in; no e-mail address is longer (RFC 5321)
MAX_SKELETON_INPUT = MAX_LOGIN_LENGTH

_PUNCTUATION = "_.-"
_LETTERS = {"Lu", "Ll", "Lt", "Lm", "Lo"}
_MARKS = {"Mn", "Mc"}
_SHARED_LETTERS = "ー〆〇々"  # parts of Chinese and Japanese words that Unicode assigns to several scripts
# Scripts that may be mixed in one name. Latin may be mixed with these only.
_COMBINABLE_SCRIPTS = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "BOPOMOFO"},
    {"LATIN", "HAN", "HANGUL"},
)
_LOOKALIKE_PAIRS = (("rn", "m"), ("vv", "w"))  # two letters that look like one: `rnark` and `mark`
# A second dot above i or j is not seen: `ALİCE` in lowercase is `alice` with such a dot. Marks below may stand between.
_DOT_ABOVE = re.compile("([lj][\u0316-\u0333]*)\u0307")
_MAX_MARKS = 3  # combining marks on one letter

DELETED_PREFIX = "deleted-"  # prefix of the names of deleted accounts; other accounts cannot choose it
# Names that could be mistaken for the site or for a group of users. They are compared by skeleton.
RESERVED_NAMES = """
    admin administrator all anonymous api bot channel deleted everybody everyone group here help info mail me
    messenger mod moderator moderators nobody none null official owner postmaster root security service settings
    staff superuser support sysadmin system undefined unknown user webmaster www you
    所有人 全体 全体成员 大家 管理员 系统 系统消息 客服 官方 我 自己 匿名 群主 版主
"""


_LENGTH_MESSAGE = _("A username must have %(shortest)d to %(longest)d characters.")
_LENGTHS = {"shortest": MIN_USERNAME_LENGTH, "longest": MAX_USERNAME_LENGTH}
_CHARACTERS_MESSAGE = _("A username can only contain letters, the digits 0 to 9, and _ . -")
_ENDS_MESSAGE = _("A username must begin and end with a letter, a digit or _.")
_EMPTY_MESSAGE = _("A username must contain at least one letter or digit.")


def list_page_checks() -> list[Check]:
    """Returns the rules that a page can check without the server, for a name that is trimmed and normalized to NFKC."""
    return [
        Check(f"^.{{{MIN_USERNAME_LENGTH},{MAX_USERNAME_LENGTH}}}$", _LENGTH_MESSAGE % _LENGTHS),
        Check(rf"^[\p{{L}}\p{{M}}0-9{_SHARED_LETTERS}_.\-]*$", _CHARACTERS_MESSAGE),
        Check(r"^(?![.\-\p{M}]).*[^.\-]$", _ENDS_MESSAGE),
        Check(r"[\p{L}\p{N}]", _EMPTY_MESSAGE),
    ]


def normalize_username(text: str) -> str:
    """Returns a user name in the form in which it is stored. Raises ValidationError if the name is not valid."""
    name = unicodedata.normalize("NFKC", text.strip())
    if not MIN_USERNAME_LENGTH <= len(name) <= MAX_USERNAME_LENGTH:
        raise ValidationError(_LENGTH_MESSAGE, code="length", params=_LENGTHS)
    if not all(is_username_character(character) for character in name):
        raise ValidationError(_CHARACTERS_MESSAGE, code="characters")
    if name[0] in ".-" or name[-1] in ".-" or unicodedata.category(name[0]) in _MARKS:
        raise ValidationError(_ENDS_MESSAGE, code="ends")
    if not any(character.isalnum() for character in name):
        raise ValidationError(_EMPTY_MESSAGE, code="empty")
    if _has_too_many_marks(name):
        raise ValidationError(_("Too many accents on one letter."), code="marks")
    if not _has_combinable_scripts(name):
        raise ValidationError(_("These letters can’t be mixed: they come from different scripts."), code="scripts")
    return name


def clean_username(text: str) -> str:
    """Returns the normalized form of a user name that somebody has chosen.

    Raises ValidationError if the name is not valid or is reserved, such as `admin`.
    """
    name = normalize_username(text)
    if {skeleton(name), uppercase_skeleton(name)} & _reserved_skeletons() or skeleton(name).startswith(
        skeleton(DELETED_PREFIX)
    ):
        raise ValidationError(_("This username is reserved."), code="reserved")
    return name


def validate_username(text: str) -> None:
    """Validates the model field `User.username`. Reserved names are allowed: `createsuperuser` may create `admin`."""
    normalize_username(text)


def validate_chosen_username(text: str) -> None:
    """Validates the user name at sign-up. Reserved names such as `admin` are not allowed."""
    clean_username(text)


username_validators = [validate_chosen_username]  # settings.ACCOUNT_USERNAME_VALIDATORS


@lru_cache(8192)  # formatting asks for each character behind an `@`
def is_username_character(character: str) -> bool:
    """Returns whether a user name may contain this character.

    Allowed are letters of all scripts, the digits 0 to 9, combining marks such as accents, and `. _ -`. Invisible
    characters are not allowed.
    """
    if character in _PUNCTUATION or character in _SHARED_LETTERS or "0" <= character <= "9":
        return True
    if ord(character) in INVISIBLE:
        return False
    category = unicodedata.category(character)
    if category == "Lm":  # modifier letters: many are only dots and ticks
        return alias(character) not in {"COMMON", "INHERITED"}
    return category in _LETTERS or category in _MARKS


def skeleton(text: str) -> str:
    """Returns a key for how a user name looks in lowercase. Names with the same key look alike.

    Such names count as the same name, also for signing in. The key is based on the skeleton (text in which letters that
    look alike are replaced by the same letter) of Unicode Technical Standard 39. Only the first MAX_SKELETON_INPUT
    characters count.
    """
    return _skeleton(text.strip()[:MAX_SKELETON_INPUT])


def uppercase_skeleton(text: str) -> str:
    """Returns a key for how a user name looks in uppercase. Names with the same key look alike.

    Only the first MAX_SKELETON_INPUT characters count.
    """
    return _uppercase_skeleton(text.strip()[:MAX_SKELETON_INPUT])


# The callers above shorten the text first, so that nobody can fill the caches with texts of a megabyte.
@lru_cache(maxsize=4096)
def _skeleton(text: str) -> str:
    return _replace_lookalikes(unicodedata.normalize("NFKC", text).casefold())[:MAX_KEY_LENGTH]


@lru_cache(maxsize=4096)
def _uppercase_skeleton(text: str) -> str:
    return _replace_lookalikes(unicodedata.normalize("NFKC", text).upper())[:MAX_KEY_LENGTH]


def _has_too_many_marks(name: str) -> bool:
    marks = 0
    for character in unicodedata.normalize("NFD", name):
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        if marks > _MAX_MARKS:
            return True
    return False


def _has_combinable_scripts(name: str) -> bool:
    scripts = {alias(character) for character in name} - {"COMMON", "INHERITED"}
    return len(scripts) <= 1 or any(scripts <= group for group in _COMBINABLE_SCRIPTS)


def _replace_lookalikes(text: str) -> str:
    prototypes = _prototypes()
    letters = unicodedata.normalize("NFD", text)
    replaced = "".join(prototypes.get(letter, letter) for letter in letters).casefold()
    # I, l and 1 look alike. By now casefolding has turned I into i, and the table has turned 1 into l.
    result = unicodedata.normalize("NFD", replaced).replace("i", "l").replace("ı", "l").replace("ȷ", "j")
    result = _DOT_ABOVE.sub(r"\1", result)
    for pair, letter in _LOOKALIKE_PAIRS:
        result = result.replace(pair, letter)
    return result


@cache
def _prototypes() -> dict[str, str]:
    """Returns a dict that maps letters which look alike to the same letter (Unicode's confusables table, UTS 39)."""
    table = json.loads(files("confusable_homoglyphs").joinpath("confusables.json").read_text("utf-8"))
    confusables = {key: [_strip_direction_mark(entry["c"]) for entry in entries] for key, entries in table.items()}
    prototypes = {}
    for letter, similar in confusables.items():
        # The table lists each relation in both directions. A prototype has many similar letters; each of those has
        # only the prototype.
        if len(letter) != 1 or len(similar) != 1 or letter == similar[0]:
            continue
        target = similar[0]
        if len(confusables.get(target, ())) <= 1 and (len(target), target) > (1, letter):
            continue  # two letters with only each other: the smaller one is the prototype
        prototypes[letter] = target
    return prototypes


def _strip_direction_mark(text: str) -> str:
    return text.replace("\u200e", "")  # the table puts this mark before right-to-left letters


@cache
def _reserved_skeletons() -> frozenset[str]:
    return frozenset(key(name) for name in RESERVED_NAMES.split() for key in (skeleton, uppercase_skeleton))
