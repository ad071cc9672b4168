"""Scripts and styles for production say the same in fewer letters."""

from __future__ import annotations

from pathlib import Path

import pytest

from messenger.static_files import bare

STATIC = Path(__file__).resolve().parent.parent / "static"
OURS = sorted([*STATIC.glob("js/**/*.js"), *STATIC.glob("css/*.css")])


def test_comments_and_indentation_go_and_lines_stay():
    script = "/**\n * Adds.\n * @returns {number}\n */\nfunction add(a, b) {\n  // both\n  return a + b; // here\n\n}\n"
    assert bare(script) == "function add(a, b) {\nreturn a + b; // here\n}\n"
    assert bare("/* one line */\n.a { }\n/* before */ .b { }\n") == ".a { }\n.b { }\n"


def test_addresses_and_expressions_are_no_comments():
    script = 'const a = "https://example.org/*";\nconst b = /^\\/\\*/;\nconst c = "`";\n'
    assert bare('const a = "https://example.org/*";\n  const b = /\\/\\//;\n') == (
        'const a = "https://example.org/*";\nconst b = /\\/\\//;\n'
    )
    assert bare(script) == script  # a single back tick may begin a text of several lines


def test_a_text_over_several_lines_is_kept_as_it_is():
    script = "const a = `one\n  // two\n`;\n"
    assert bare(script) == script


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_every_line_that_stays_is_a_line_of_the_source(path):
    lines = {line.strip() for line in path.read_text().splitlines()}
    assert all(
        line.strip() in lines or any(each.endswith(line) for each in lines)
        for line in bare(path.read_text()).splitlines()
    )
