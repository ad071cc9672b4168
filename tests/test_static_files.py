"""Scripts and styles for production say the same in fewer letters."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from messenger.assets import stylesheets
from messenger.assets.storage import bare
from tests.databases import collected_static

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
OURS = sorted([*STATIC.glob("js/**/*.js"), *STATIC.glob("css/**/*.css")])
TSC = ROOT / "node_modules" / ".bin" / "tsc"


def test_comments_and_indentation_go_and_code_stays():
    script = "/**\n * Adds.\n * @returns {number}\n */\nfunction add(a, b) {\n  // both\n  return a + b; // here\n\n}\n"
    assert bare(script) == "function add(a, b) {\nreturn a + b;\n}\n"
    assert bare("/* one line */\n.a { }\n/* before */ .b { } /* behind */\n") == ".a { }\n.b { }\n"
    assert bare('const a = /** @type {A} */ (b("x")); // why\n') == 'const a = (b("x"));\n'
    assert bare("/** @type {A | undefined} */ let a;\n/** A thing. @type {A} */\nlet b;\n") == "let a;\nlet b;\n"


def test_no_style_asks_what_is_anywhere_on_the_page():
    """It would be asked again with each line that comes, and all of the page be styled anew: 13 ms each time."""
    for sheet in STATIC.glob("css/**/*.css"):
        assert not re.search(r"(^|[\s,}>])(html|body|:root)[^\s,{]*:has\(", bare(sheet.read_text())), sheet.name


def test_addresses_and_expressions_are_no_comments():
    kept = 'const a = "https://example.org/*";\nconst b = /\\/\\//; // kept: an expression stands before it\n'
    assert bare(kept) == kept
    assert bare("a = 'it // is'; b = \"// so\";\n") == "a = 'it // is'; b = \"// so\";\n"
    assert bare('.a::after { content: "/* x */"; }\n') == '.a::after { content: "/* x */"; }\n'
    script = 'const a = "https://example.org/*";\nconst b = /^\\/\\*/;\nconst c = "`";\n'
    assert bare(script) == script  # a single back tick may begin a text of several lines


def test_a_text_over_several_lines_is_kept_as_it_is():
    script = "const a = `one\n  // two\n`;\n"
    assert bare(script) == script


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_every_line_that_stays_is_of_the_source(path):
    """Nothing is put together anew: a line is one of the source, of which something may be left out."""
    lines = iter(path.read_text().splitlines())
    for line in bare(path.read_text()).splitlines():
        wanted = line.strip().replace(" ", "")
        assert any(_within(wanted, each.replace(" ", "")) for each in lines), line


def _within(part: str, whole: str) -> bool:
    letters = iter(whole)
    return all(letter in letters for letter in part)


@pytest.mark.skipif(not TSC.exists(), reason="bin/check fetches the compiler")
def test_scripts_without_comments_are_the_same_programs(tmp_path):
    """As a compiler writes both."""
    for kind in ("source", "bare"):
        folder = tmp_path / kind
        for path in STATIC.glob("js/**/*.js"):
            there = folder / path.relative_to(STATIC / "js")
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(path.read_text() if kind == "source" else bare(path.read_text()))
        options = ["--allowJs", "--noCheck", "--removeComments", "--target", "esnext", "--module", "esnext"]
        names = [str(path.relative_to(folder)) for path in folder.rglob("*.js")]
        where = ["--moduleResolution", "bundler", "--rootDir", ".", "--outDir", f"../{kind}-out"]
        subprocess.run([TSC, *options, *where, *names], cwd=folder, capture_output=True, check=False)
    written = {path.name: path.read_text() for path in (tmp_path / "source-out").rglob("*.js")}
    assert len(written) == len(list(STATIC.glob("js/**/*.js")))
    assert written == {path.name: path.read_text() for path in (tmp_path / "bare-out").rglob("*.js")}


@pytest.mark.parametrize("kind", stylesheets.SHEETS)
def test_styles_are_shipped_as_one_file_in_their_order(kind):
    shipped = (collected_static() / stylesheets.joined(kind)).read_text()
    at = 0
    for name in stylesheets.sources(kind):
        at = shipped.index(bare((STATIC / name).read_text()).strip(), at)
