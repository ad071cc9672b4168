"""Writes the contract into two files. Replaces the text between two markers of the same name, and keeps all other text.

The markers in docs/protocol.md (left) and in protocol.d.ts (right):

<!-- generated: events -->          // generated
…                                   …
<!-- end of events -->              // end of generated
"""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from messenger.protocol import docs_page, typescript


def paths() -> tuple[Path, Path]:
    root = Path(settings.BASE_DIR)
    return root / "docs" / "protocol.md", root / "static" / "js" / "realtime" / "protocol.d.ts"


def render_files() -> dict[Path, str]:
    """Returns the expected text of both files. Raises ValueError if a marker is missing in a file."""
    document, types = paths()
    text = document.read_text(encoding="utf-8")
    for name, generated in docs_page.sections().items():
        text = _replace_between(
            document, text, f"<!-- generated: {name} -->", f"<!-- end of {name} -->", f"\n{generated}\n"
        )
    script = _replace_between(
        types, types.read_text(encoding="utf-8"), "// generated", "// end of generated", f"\n{typescript.text()}\n"
    )
    return {document: text, types: script}


def outdated_files() -> dict[Path, str]:
    """Returns the files whose text is not up to date with the code, and the expected text of each."""
    return {path: text for path, text in render_files().items() if path.read_text(encoding="utf-8") != text}


def write() -> list[Path]:
    """Updates both files. Returns the paths of the changed files."""
    changed = outdated_files()
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
    return list(changed)


def _replace_between(path: Path, text: str, begin: str, end: str, content: str) -> str:
    pattern = re.compile(f"^{re.escape(begin)}$.*?^{re.escape(end)}$", re.MULTILINE | re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"{path.name} needs the markers {begin!r} and {end!r}, each once.")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)
