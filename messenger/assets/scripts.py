"""Finds which scripts import which, for the import map and the preload links of a page.

Scripts import each other by relative paths, and the import map tells the browser the file name with hash for each path.
Without preload links, the browser would find a script only after it has loaded the script that imports it. Scripts that
are imported dynamically (`import("./…")`) get no preload link: the browser loads them when they are used.

In production a script is a bundle of modules, or a module if there are no bundles ([bundles.py](bundles.py)).
"""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage

from messenger.assets import bundles

ENTRY = "js/app.js"  # the entry module of every page for signed-in users
_IMPORT = re.compile(r'^(?:import\s*|(?:import|export)\s[\w\s{},*]*?\bfrom\s*)"(\.{1,2}/[^"]+)"', re.MULTILINE)


def list_scripts() -> list[str]:
    """Returns all scripts of the site that pages load, as paths below `static/`.

    The result is cached in production, where files do not change.
    """
    return sorted(_static_imports())


def list_static_imports(entry: str = ENTRY) -> list[str]:
    """Returns the script `entry` and all scripts that it imports, directly or through its imports.

    Dynamic imports (`import("./…")`) are left out. The default of `entry` is the script that pages for signed-in users
    load.
    """
    imports = _static_imports()
    found, queue = {entry}, [entry]
    while queue:
        new = set(imports[queue.pop()]) - found
        found |= new
        queue += new
    return sorted(found)


def _static_imports() -> dict[str, list[str]]:
    """Returns the scripts that each script imports statically."""
    return _read_sources() if settings.DEBUG else _read_collected()


@cache
def _read_collected() -> dict[str, list[str]]:
    described = bundles.read_description(staticfiles_storage)
    return {name: bundle["imports"] for name, bundle in described.items()} or _read_sources()


def _read_sources() -> dict[str, list[str]]:
    root = Path(settings.RESOURCES_DIR) / "static"
    imports, queue = {}, [path.relative_to(root).as_posix() for path in (root / "js").rglob("*.js")]
    while queue:
        name = queue.pop()
        folder = posixpath.dirname(name)
        imports[name] = [
            posixpath.normpath(posixpath.join(folder, path)) for path in _IMPORT.findall((root / name).read_text())
        ]
        queue += [imported for imported in imports[name] if imported not in imports and imported not in queue]
    return imports
