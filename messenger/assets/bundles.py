"""Finds or makes the bundles of scripts that production serves.

A page for signed-in users needs about a hundred modules. Each file is a request, and one large file compresses better
than many small ones. So production puts the modules together into few files with rolldown (bundle-scripts.js).
Development serves the modules as they are. `collectstatic` uses, in this order:

1. the bundler, if Node.js and the packages of package.json are installed in the clone (`npm ci`);
2. bundles that `npm run bundle` has written into this folder, for a package or image without Node.js;
3. no bundles. Pages then load each module by itself: they work, but the first page takes longer.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

DESCRIPTION = "js/bundles.json"  # among the static files: the imports and modules of each bundle, and their sources
BUILT = Path(__file__).parent / "bundles"  # written by `npm run bundle`
_SCRIPT = Path(__file__).parent / "bundle-scripts.js"
_TIMEOUT = 120  # seconds; it takes about one
logger = logging.getLogger(__name__)


@contextmanager
def open_bundles() -> Iterator[dict[str, bytes]]:
    """Provides the content of each bundle by its path below `static/`, and that of DESCRIPTION.

    Provides nothing if there are no bundles, after a line in the log that says why.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bundles"
        if (reason := _build(folder)) and not fits_sources(folder := BUILT):
            logger.warning("The scripts are not bundled, so pages load many files: %s (docs/running.md).", reason)
            yield {}
            return
        description = (folder / "bundles.json").read_bytes()
        contents = {name: (folder / name).read_bytes() for name in json.loads(description)["bundles"]}
        yield contents | {DESCRIPTION: description}


def find_bundler() -> str:
    """Returns the path of Node.js, or an empty string if it or the bundler is not installed."""
    is_installed = (Path(settings.BASE_DIR) / "node_modules" / "rolldown").is_dir()
    return (is_installed and shutil.which("node")) or ""


def _build(folder: Path) -> str:
    """Writes the bundles into this folder. Returns an empty string, or the reason why it could not."""
    if not (node := find_bundler()):
        return "the bundler is not installed, run: npm ci"
    try:
        done = subprocess.run([node, _SCRIPT, folder], capture_output=True, text=True, timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = [line for line in done.stderr.splitlines() if "Error" in line] or [f"exit code {done.returncode}"]
    return f"the bundler failed: {lines[0].strip()}" if done.returncode else ""


def fits_sources(folder: Path) -> bool:
    """Returns whether the bundles in this folder exist and were made from the modules of this version."""
    try:
        sources: dict[str, str] = json.loads((folder / "bundles.json").read_text())["sources"]
        return all(_digest(name) == digest for name, digest in sources.items())
    except (OSError, ValueError, KeyError):
        return False


def _digest(name: str) -> str:
    return hashlib.sha256((Path(settings.RESOURCES_DIR) / "static" / name).read_bytes()).hexdigest()


def read_description(storage: Any) -> dict[str, dict[str, Any]]:
    """Returns what DESCRIPTION says about each bundle that `storage` has collected, or nothing without bundles.

    The description is found by its name with hash, so that it fits the other files that `storage` knows, even if
    `collectstatic` has run again since this process started.
    """
    name = getattr(storage, "hashed_files", {}).get(DESCRIPTION)
    if not name:
        return {}
    return json.loads(Path(storage.path(name)).read_text())["bundles"]
