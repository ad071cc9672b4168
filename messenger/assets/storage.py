"""Defines the storage for static files in production.

The storage adds a hash of the content to the name of each file, makes a compressed copy of each file, and puts scripts
and style sheets together to bundles ([bundles.py](bundles.py), [stylesheets.py](stylesheets.py)). Without a bundler,
each script is served by itself. From these, and from style sheets, it removes comments, empty lines and indentation. A
comment is kept if it could be mistaken for code. All other text stays unchanged. The development server (`bin/dev`)
serves all source files unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from messenger.assets import bundles, stylesheets

_STRIPPED_SUFFIXES = (".js", ".css")
_PREVIOUS_RELEASE = "previous_release.json"  # the hashed names of the release before this one
_HASHED_NAME = re.compile(r"\.[0-9a-f]{12}(\.\w+)$")
_STRIPPED_FOLDERS = ("js/", "css/")


class BundlingStaticFilesStorage(CompressedManifestStaticFilesStorage):
    _bundled_scripts: frozenset[str] = frozenset()  # while `collectstatic` runs
    _unused_modules: frozenset[str] = frozenset()  # modules that pages load as parts of bundles only

    def _save(self, name: str, content: Any) -> str:
        is_stripped = name.endswith(_STRIPPED_SUFFIXES) and name.startswith(_STRIPPED_FOLDERS)
        if is_stripped and _HASHED_NAME.sub(r"\1", name) not in self._bundled_scripts:
            content.seek(0)  # Django has read the content already, to compute its hash
            content = ContentFile(strip_comments(content.read().decode()).encode())
        return super()._save(name, content)  # type: ignore[misc]

    def post_process(self, paths: dict[str, tuple[Any, str]], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        previous = set(self.hashed_files.values())
        if not dry_run:
            for kind in stylesheets.STYLESHEETS:
                name = stylesheets.bundle_name(kind)
                self._add_file(name, _build_bundle(kind, paths), paths)
            self._add_script_bundles(paths)
        yield from super().post_process(paths, dry_run=dry_run, **options)
        if not dry_run:
            self._delete_older_releases(previous, set(paths))

    def _add_script_bundles(self, paths: dict[str, tuple[Any, str]]) -> None:
        with bundles.open_bundles() as contents:
            self._bundled_scripts = frozenset(contents)
            for name, content in contents.items():
                self._add_file(name, content, paths)
            if contents:
                sources = json.loads(contents[bundles.DESCRIPTION])["sources"]
                self._unused_modules = frozenset(sources) - frozenset(contents)

    def _add_file(self, name: str, content: bytes, paths: dict[str, tuple[Any, str]]) -> None:
        self.delete(name)
        self._save(name, ContentFile(content))
        paths[name] = (self, name)

    def _delete_older_releases(self, previous: set[str], sources: set[str]) -> None:
        """Deletes hashed files that neither this release nor the one before it uses.

        The files of one release before are kept, for pages that browsers have open and for processes that still run the
        old version during a rolling upgrade. `previous` are the hashed names of the last `collectstatic`. If it was one
        of the same release, the release before is read from a file.
        """
        current, kept = set(self.hashed_files.values()), Path(self.path(_PREVIOUS_RELEASE))
        if previous == current:
            previous = set(json.loads(kept.read_text())) if kept.exists() else set()
        kept.write_text(json.dumps(sorted(previous)))
        root = Path(self.path(""))
        for path in root.rglob("*"):
            name = path.relative_to(root).as_posix().removesuffix(".gz").removesuffix(".br")
            if _HASHED_NAME.search(name) and name not in current | previous | sources:
                path.unlink()

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Compresses only files whose name contains a hash and that pages load. Leaves out source maps.

        Compression with Brotli at its best level is slow. Compressing all files would take three times as long.
        """
        hashed = {path for name, path in self.hashed_files.items() if name not in self._unused_modules}
        yield from super().compress_files(path for path in paths if path in hashed and not path.endswith(".map"))


def _build_bundle(kind: str, paths: dict[str, tuple[Any, str]]) -> bytes:
    parts = []
    for name in stylesheets.source_files(kind):
        storage, path = paths[name]
        with storage.open(path) as file:
            parts.append(file.read().strip())
    return b"\n".join(parts) + b"\n"


# A type comment within a line: `/** @type {Element} */ (node)`. Its text contains no star, so its end is certain.
_TYPE_COMMENT = re.compile(r"/\*\* @\w+ [^*]*\*/ ?")
# A `//` comment after code. The code before it contains no slash and only complete strings, so that the two slashes
# cannot be part of a URL or a regular expression.
_SCRIPT_COMMENT = re.compile(r"""((?:[^/"'`\\]|"[^"/\\]*"|'[^'/\\]*')*[^/"'`\\\s])\s+// .*""")
_STYLE_COMMENT = re.compile(r"""([^"']*[;{}])\s*/\* [^*]*\*/""")


def strip_comments(source: str) -> str:
    """Removes comments, empty lines and indentation from the source text of a script or style sheet.

    Returns `source` unchanged if one of its strings spans several lines.
    """
    lines = source.splitlines()
    if any(line.count("`") % 2 for line in lines if not line.lstrip().startswith(("//", "*", "/*"))):
        return source
    stripped, in_comment = [], False
    for line in map(str.strip, lines):
        if in_comment or (line.startswith("/*") and not _TYPE_COMMENT.match(line)):
            in_comment = "*/" not in line
            line = "" if in_comment else line[line.index("*/") + 2 :].lstrip()
        if line and not line.startswith("//"):
            stripped.append(_strip_inline_comments(line))
    return "\n".join(filter(None, stripped)) + "\n"


def _strip_inline_comments(line: str) -> str:
    line = _TYPE_COMMENT.sub("", line).rstrip()
    for pattern in (_SCRIPT_COMMENT, _STYLE_COMMENT):
        if match := pattern.fullmatch(line):
            return match[1]
    return line
