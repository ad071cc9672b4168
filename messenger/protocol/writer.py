"""The two files that the contract is written into. What stands between two marks of one name is generated, the rest is
written by hand and kept:

    <!-- generated: events -->          // generated
    …                                   …
    <!-- end of events -->              // end of generated
"""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from messenger.protocol import markdown, typescript


def paths() -> tuple[Path, Path]:
    root = Path(settings.BASE_DIR)
    return root / "docs" / "protocol.md", root / "static" / "js" / "realtime" / "protocol.d.ts"


def as_they_should_be() -> dict[Path, str]:
    """Both files, with what is generated as the code has it now. Raises ValueError where a mark is missing."""
    document, types = paths()
    text = document.read_text(encoding="utf-8")
    for name, written in markdown.sections().items():
        text = _filled(document, text, f"<!-- generated: {name} -->", f"<!-- end of {name} -->", f"\n{written}\n")
    script = _filled(
        types, types.read_text(encoding="utf-8"), "// generated", "// end of generated", f"\n{typescript.text()}\n"
    )
    return {document: text, types: script}


def differing() -> dict[Path, str]:
    """Those files that say something else than the code, with what they should say."""
    return {path: text for path, text in as_they_should_be().items() if path.read_text(encoding="utf-8") != text}


def write() -> list[Path]:
    """Says which files were not as they should be, and are now."""
    changed = differing()
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
    return list(changed)


def _filled(path: Path, text: str, begin: str, end: str, written: str) -> str:
    between = re.compile(f"^{re.escape(begin)}$.*?^{re.escape(end)}$", re.MULTILINE | re.DOTALL)
    if len(between.findall(text)) != 1:
        raise ValueError(f"{path.name} needs the marks {begin!r} and {end!r}, each once.")
    return between.sub(lambda _: f"{begin}\n{written}\n{end}", text)
