"""Finds which JavaScript modules import which, for the import map and the preload links of a page.

Modules import each other by relative paths, and the import map tells the browser the file name with hash for each path.
Without preload links, the browser would find a module only after it has loaded the module that imports it. Modules that
are imported dynamically (`import("./…")`) get no preload link: the browser loads them when they are used.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path

from django.conf import settings

ENTRY = "js/app.js"  # the entry module of every page for signed-in users
_IMPORT = re.compile(r'^(?:import\s*|(?:import|export)\s[\w\s{},*]*?\bfrom\s*)"(\.{1,2}/[^"]+)"', re.MULTILINE)


def list_modules() -> list[str]:
    """Returns all JavaScript modules of the site, as paths below `static/`.

    The result is cached in production, where files do not change.
    """
    return _list_modules() if settings.DEBUG else _cached_modules()


def list_static_imports(entry: str = ENTRY) -> list[str]:
    """Returns the JavaScript module `entry` and all modules that it imports, directly or through its imports.

    Dynamic imports (`import("./…")`) are left out. The default of `entry` is the module that pages for signed-in users
    load.
    """
    return _list_static_imports(entry) if settings.DEBUG else _cached_static_imports(entry)


def _root() -> Path:
    return Path(settings.RESOURCES_DIR) / "static"


def _list_modules() -> list[str]:
    return sorted(path.relative_to(_root()).as_posix() for path in (_root() / "js").rglob("*.js"))


def _list_static_imports(entry: str) -> list[str]:
    modules, queue = {entry}, [entry]
    while queue:
        name = queue.pop()
        for path in _IMPORT.findall((_root() / name).read_text()):
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            if imported not in modules:
                modules.add(imported)
                queue.append(imported)
    return sorted(modules)


_cached_modules = cache(_list_modules)
_cached_static_imports = cache(_list_static_imports)
