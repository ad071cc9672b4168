"""Writes the generated text into two files: docs/protocol.md and static/js/realtime/protocol.d.ts.

In each file it replaces only the text between two marker comments; the rest of the file is written by hand. The markers
look like this in protocol.md (left) and in protocol.d.ts (right):

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
    """Returns the expected text of docs/protocol.md and of protocol.d.ts, by path.

    Raises ValueError if a marker comment is missing in one of these files.
    """
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
    """Returns those of docs/protocol.md and protocol.d.ts whose text is not up to date with the code.

    The result maps the path of each file to its expected text.
    """
    return {path: text for path, text in render_files().items() if path.read_text(encoding="utf-8") != text}


def write() -> list[Path]:
    """Updates docs/protocol.md and protocol.d.ts. Returns the paths of the files that have changed."""
    changed = outdated_files()
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
    return list(changed)


def _replace_between(path: Path, text: str, begin: str, end: str, content: str) -> str:
    pattern = re.compile(f"^{re.escape(begin)}$.*?^{re.escape(end)}$", re.MULTILINE | re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"{path.name} needs the markers {begin!r} and {end!r}, each once.")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)
