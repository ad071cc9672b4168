"""How static files are kept for production: without comments, hashed, compressed, immutable.

The source is what people read and what `bin/dev` serves. Only whole lines of comment, empty lines and indentation
go; a line that stays is the line that was written. Of two minifiers that we tried, one broke a regular expression and
the other moved a constant before what it is made of; what they would save on top is a sixth. What others wrote
(`vendor/`) goes out as it came, with its licence.
"""

from __future__ import annotations

from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

_KINDS = (".js", ".css")
_OURS = ("js/", "css/")


class StaticFiles(CompressedManifestStaticFilesStorage):
    def _save(self, name: str, content: Any) -> str:
        if name.endswith(_KINDS) and name.startswith(_OURS):
            content.seek(0)  # its hash has been taken from it
            content = ContentFile(bare(content.read().decode()).encode())
        return super()._save(name, content)  # type: ignore[misc]


def bare(source: str) -> str:
    """`source` without its lines of comment, empty lines and indentation; as it is where a text goes over lines."""
    lines = source.splitlines()
    if any(line.count("`") % 2 for line in lines if not line.lstrip().startswith(("//", "*", "/*"))):
        return source
    kept, commenting = [], False
    for line in map(str.strip, lines):
        if commenting or line.startswith("/*"):
            commenting = "*/" not in line
            if not commenting and not line.endswith("*/"):
                kept.append(line[line.index("*/") + 2 :].lstrip())
        elif line and not line.startswith("//"):
            kept.append(line)
    return "\n".join(kept) + "\n"
