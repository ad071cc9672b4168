"""Tests that the scripts and style sheets served in production are equal to their source files.

Only comments and indentation may be missing.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from messenger.assets import stylesheets
from messenger.assets.middleware import StaticFilesMiddleware
from messenger.assets.storage import strip_comments
from tests.databases import collected_static

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
SOURCES = sorted([*STATIC.glob("js/**/*.js"), *STATIC.glob("css/**/*.css")])
TSC = ROOT / "node_modules" / ".bin" / "tsc"


def test_comments_and_indentation_are_removed():
    script = "/**\n * Adds.\n * @returns {number}\n */\nfunction add(a, b) {\n  // both\n  return a + b; // here\n\n}\n"
    assert strip_comments(script) == "function add(a, b) {\nreturn a + b;\n}\n"
    assert strip_comments("/* one line */\n.a { }\n/* before */ .b { } /* behind */\n") == ".a { }\n.b { }\n"
    assert strip_comments('const a = /** @type {A} */ (b("x")); // why\n') == 'const a = (b("x"));\n'
    assert (
        strip_comments("/** @type {A | undefined} */ let a;\n/** A thing. @type {A} */\nlet b;\n") == "let a;\nlet b;\n"
    )


def test_no_style_sheet_uses_has_on_the_whole_page():
    """No style sheet uses the selector `:has()` on `html` or `body`.

    Browsers evaluate such a selector again for each new message and restyle the page, which takes 13 ms each time.
    """
    for sheet in STATIC.glob("css/**/*.css"):
        assert not re.search(r"(^|[\s,}>])(html|body|:root)[^\s,{]*:has\(", strip_comments(sheet.read_text())), (
            sheet.name
        )


def test_urls_and_regular_expressions_are_not_mistaken_for_comments():
    source = 'const a = "https://example.org/*";\nconst b = /\\/\\//; // kept: an expression stands before it\n'
    assert strip_comments(source) == source
    assert strip_comments("a = 'it // is'; b = \"// so\";\n") == "a = 'it // is'; b = \"// so\";\n"
    assert strip_comments('.a::after { content: "/* x */"; }\n') == '.a::after { content: "/* x */"; }\n'
    script = 'const a = "https://example.org/*";\nconst b = /^\\/\\*/;\nconst c = "`";\n'
    assert strip_comments(script) == script  # unchanged: the backtick may begin a string of several lines


def test_a_file_with_a_string_over_several_lines_is_unchanged():
    script = "const a = `one\n  // two\n`;\n"
    assert strip_comments(script) == script


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_each_remaining_line_is_a_part_of_a_source_line(path):
    lines = iter(path.read_text().splitlines())
    for line in strip_comments(path.read_text()).splitlines():
        stripped = line.strip().replace(" ", "")
        assert any(_is_subsequence(stripped, source_line.replace(" ", "")) for source_line in lines), line


def _is_subsequence(part: str, whole: str) -> bool:
    letters = iter(whole)
    return all(letter in letters for letter in part)


@pytest.mark.skipif(not TSC.exists(), reason="bin/check fetches the compiler")
def test_scripts_without_comments_are_the_same_programs(tmp_path):
    """The TypeScript compiler must produce the same output for scripts with and without comments."""
    for kind in ("source", "stripped"):
        folder = tmp_path / kind
        for path in STATIC.glob("js/**/*.js"):
            copy = folder / path.relative_to(STATIC / "js")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text() if kind == "source" else strip_comments(path.read_text()))
        options = ["--allowJs", "--noCheck", "--removeComments", "--target", "esnext", "--module", "esnext"]
        names = [str(path.relative_to(folder)) for path in folder.rglob("*.js")]
        output_options = ["--moduleResolution", "bundler", "--rootDir", ".", "--outDir", f"../{kind}-out"]
        subprocess.run([TSC, *options, *output_options, *names], cwd=folder, capture_output=True, check=False)
    compiled = {path.name: path.read_text() for path in (tmp_path / "source-out").rglob("*.js")}
    assert len(compiled) == len(list(STATIC.glob("js/**/*.js")))
    assert compiled == {path.name: path.read_text() for path in (tmp_path / "stripped-out").rglob("*.js")}


@pytest.mark.parametrize("kind", stylesheets.STYLESHEETS)
def test_a_bundle_contains_its_style_sheets_in_order(kind):
    bundle = (collected_static() / stylesheets.bundle_name(kind)).read_text()
    position = 0
    for name in stylesheets.source_files(kind):
        position = bundle.index(strip_comments((STATIC / name).read_text()).strip(), position)


@pytest.fixture
def static_files(tmp_path, settings):
    """Returns a function that requests a path from the middleware, with the folder of static files in `tmp_path`."""
    settings.STATIC_ROOT = tmp_path / "static"
    (settings.STATIC_ROOT / "css").mkdir(parents=True)
    (settings.STATIC_ROOT / "css/a.css").write_text("a { }")
    (tmp_path / "secret.txt").write_text("secret")
    middleware = StaticFilesMiddleware(lambda request: HttpResponse(status=404))

    def request(path: str, **headers: str) -> HttpResponse:
        request = RequestFactory().get("/", headers=headers)
        request.path_info = path
        return middleware(request)

    return request


def test_static_files_are_found_when_requested_also_those_written_later(static_files, settings):
    assert b"".join(static_files("/static/css/a.css")) == b"a { }"
    assert static_files("/static/css/b.css").status_code == 404
    (settings.STATIC_ROOT / "css/b.css").write_text("b { color: red }")
    (settings.STATIC_ROOT / "css/b.css.gz").write_bytes(b"packed")
    assert b"".join(static_files("/static/css/b.css")) == b"b { color: red }"
    assert b"".join(static_files("/static/css/b.css", accept_encoding="gzip")) == b"packed"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/css/../../secret.txt",
        "/static//css/a.css",
        "/static/css",
        "/static/css/",
        "/static/css/a.css/b.css",
        "/static/css/a.css\0",
        "/static/" + "a" * 5000,
        "/static/",
        "/css/a.css",
    ],
)
def test_other_paths_are_not_found(static_files, path):
    assert static_files(path).status_code == 404
