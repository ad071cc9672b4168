"""How static files are kept for production: without comments, hashed, compressed, immutable; a page's styles as one.

The source is what people read and what `bin/dev` serves. Only comments, empty lines and indentation go, and comments
only where nothing else can be meant: what stays is as it was written. Of two minifiers that we tried, one broke a
regular expression and the other moved a constant before what it is made of; what they would save on top is a sixth.
What others wrote (`vendor/`) goes out as it came, with its licence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from messenger.assets import stylesheets

_KINDS = (".js", ".css")
_OURS = ("js/", "css/")


class StaticFiles(CompressedManifestStaticFilesStorage):
    def _save(self, name: str, content: Any) -> str:
        if name.endswith(_KINDS) and name.startswith(_OURS):
            content.seek(0)  # its hash has been taken from it
            content = ContentFile(bare(content.read().decode()).encode())
        return super()._save(name, content)  # type: ignore[misc]

    def post_process(self, paths: dict[str, tuple[Any, str]], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        if not dry_run:
            for kind in stylesheets.SHEETS:
                name = stylesheets.joined(kind)
                self.delete(name)
                self._save(name, ContentFile(_joined(kind, paths)))
                paths[name] = (self, name)
        yield from super().post_process(paths, dry_run=dry_run, **options)


def _joined(kind: str, paths: dict[str, tuple[Any, str]]) -> bytes:
    parts = []
    for name in stylesheets.sources(kind):
        storage, path = paths[name]
        with storage.open(path) as file:
            parts.append(file.read().strip())
    return b"\n".join(parts) + b"\n"


# `/** @type {Element} */ (it)` and the like, within a line. A star within would make an end of it unsure.
_TYPE = re.compile(r"/\*\* @\w+ [^*]*\*/ ?")
# Code without a slash, and its texts whole: then what comes after two slashes is no part of an address or expression.
_TAIL = re.compile(r"""((?:[^/"'`\\]|"[^"/\\]*"|'[^'/\\]*')*[^/"'`\\\s])\s+// .*""")
_STYLE_TAIL = re.compile(r"""([^"']*[;{}])\s*/\* [^*]*\*/""")


def bare(source: str) -> str:
    """`source` without its comments, empty lines and indentation; as it is where a text goes over lines."""
    lines = source.splitlines()
    if any(line.count("`") % 2 for line in lines if not line.lstrip().startswith(("//", "*", "/*"))):
        return source
    kept, commenting = [], False
    for line in map(str.strip, lines):
        if commenting or (line.startswith("/*") and not _TYPE.match(line)):
            commenting = "*/" not in line
            line = "" if commenting else line[line.index("*/") + 2 :].lstrip()
        if line and not line.startswith("//"):
            kept.append(_without_asides(line))
    return "\n".join(filter(None, kept)) + "\n"


def _without_asides(line: str) -> str:
    line = _TYPE.sub("", line).rstrip()
    for aside in (_TAIL, _STYLE_TAIL):
        if found := aside.fullmatch(line):
            return found[1]
    return line
