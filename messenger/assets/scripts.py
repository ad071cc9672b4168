"""Which script modules there are, and which of them a page needs at once.

Modules import each other by plain relative paths, as the browser reads them; an import map tells it their hashed names.
A page that asks for its entry alone would learn of the next module only when it has the one before, so the whole graph
is named beforehand. What is imported by a call (`import("./lazy/…")`) is not in it: that waits until it is used.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path

from django.conf import settings

ENTRY = "js/app.js"  # what every signed-in page starts with
_IMPORT = re.compile(r'^(?:import\s*|(?:import|export)\s[\w\s{},*]*?\bfrom\s*)"(\.{1,2}/[^"]+)"', re.MULTILINE)


def modules() -> list[str]:
    """All of ours, as `js/name.js`."""
    return _listed() if settings.DEBUG else _kept()


def needed_at_once(entry: str = ENTRY) -> list[str]:
    """The entry and all that it imports, however far away."""
    return _reached(entry) if settings.DEBUG else _reached_kept(entry)


@cache
def _kept() -> list[str]:
    return _listed()


@cache
def _reached_kept(entry: str) -> list[str]:
    return _reached(entry)


def _root() -> Path:
    return Path(settings.BASE_DIR) / "static"


def _listed() -> list[str]:
    return sorted(path.relative_to(_root()).as_posix() for path in (_root() / "js").rglob("*.js"))


def _reached(entry: str) -> list[str]:
    found, waiting = {entry}, [entry]
    while waiting:
        name = waiting.pop()
        for path in _IMPORT.findall((_root() / name).read_text()):
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            if imported not in found:
                found.add(imported)
                waiting.append(imported)
    return sorted(found)
