"""Names of files: kept as people wrote them, and harmless for the systems that they end up on."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 120  # code points
LONGEST_BYTES = 200  # in UTF-8: file systems have room for 255
_FORBIDDEN = re.compile(r'[<>:"|?*]')  # on Windows
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_JOINERS = "\u200c\u200d"  # Persian words and family emoji are made with them
_TAIL = re.compile(r"(\.[^\s.]{1,12}){1,2}$")  # `.png`, `.tar.gz`


def clean(name: str, otherwise: str = "file") -> str:
    """No path, no line ends, nothing that hides or turns letters, no name of a device, of bounded length.

    What is cut is cut before the extension. `otherwise` where nothing is left.
    """
    name = unicodedata.normalize("NFC", name.encode("utf-8", "ignore").decode())
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(" " if char.isspace() else char for char in name)
    name = "".join(char for char in name if char in _JOINERS or unicodedata.category(char) not in _UNSEEN)
    name = " ".join(_FORBIDDEN.sub("_", name).split()).strip(" .")
    if not name.strip(_JOINERS):
        return otherwise
    if _DEVICES.match(name):
        name = f"_{name}"
    return _shortened(name)


_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _shortened(name: str) -> str:
    tail = found[0] if (found := _TAIL.search(name)) else ""
    head = name[: len(name) - len(tail)]
    head = head[: max(LONGEST - len(tail), 1)]
    while len((head + tail).encode()) > LONGEST_BYTES and len(head) > 1:
        head = head[:-1]
    return head.rstrip(" .") + tail if len((head + tail).encode()) <= LONGEST_BYTES else head[:40]


def extension(name: str) -> str:
    """Lower-case, without the dot; empty where there is none."""
    stem, dot, tail = name.rpartition(".")
    return tail.lower() if dot and stem and len(tail) <= 12 else ""


def with_extension(name: str, tail: str) -> str:
    """`beach.HEIC` as `beach.jpg`; a name without one gets it."""
    old = extension(name)
    return _shortened(f"{name[: -len(old) - 1] if old else name}.{tail}")
