"""Makes file names safe for all operating systems, and changes as little as possible of the name that the user
chose.
"""

from __future__ import annotations

import re
import unicodedata

from accounts.text.cleaning import remove_categories
from messenger.core.graphemes import find_cut

MAX_LENGTH = 120  # code points
MAX_BYTES = 200  # in UTF-8; file systems allow 255
_FORBIDDEN = re.compile(r'[<>:"|?*]')  # on Windows
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # reserved names on Windows
_JOINERS = "\u200c\u200d"  # kept: Persian words and family emoji need them
_SUFFIX = re.compile(r"(\.[^\s.]{1,12}){1,2}$")  # `.png`, `.tar.gz`
_REMOVED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format, unassigned, line separators


def clean_filename(name: str, default: str = "file") -> str:
    """Returns a safe version of a file name: without path, line breaks, invisible characters, characters that change
    the writing direction, and names that Windows reserves for devices.

    A long name is cut before its extension to MAX_LENGTH characters and MAX_BYTES bytes. Returns `default` if no
    character is left.
    """
    name = unicodedata.normalize("NFC", name.encode("utf-8", "ignore").decode())
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(" " if char.isspace() else char for char in name)
    name = remove_categories(name, _REMOVED_CATEGORIES)
    name = " ".join(_FORBIDDEN.sub("_", name).split()).strip(" .")
    if not name.strip(_JOINERS):
        return default
    if _DEVICES.match(name):
        name = f"_{name}"
    return _truncate(name)


def _truncate(name: str) -> str:
    suffix = match[0] if (match := _SUFFIX.search(name)) else ""
    stem = name[: len(name) - len(suffix)]
    stem = _cut(stem, max(MAX_LENGTH - len(suffix), 1))
    while len((stem + suffix).encode()) > MAX_BYTES and len(stem) > 1:
        stem = _cut(stem, len(stem) - 1)
    return stem.rstrip(" .") + suffix if len((stem + suffix).encode()) <= MAX_BYTES else stem[:40]


def _cut(text: str, length: int) -> str:
    return text[: find_cut(text, length)]


def get_extension(name: str) -> str:
    """Returns the extension of a file name in lower case, without the dot. Returns "" if there is none."""
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem and len(extension) <= 12 else ""


def replace_extension(name: str, extension: str) -> str:
    """Replaces the extension of a file name: `beach.HEIC` becomes `beach.jpg`. Adds it if the name has none."""
    old = get_extension(name)
    return _truncate(f"{name[: -len(old) - 1] if old else name}.{extension}")
