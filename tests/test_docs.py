"""Documents name what is there: files, tests, variables."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")])
CODES = {
    "A": 14,
    "B": 15,
    "C": 18,
    "D": 21,
    "E": 19,
    "F": 11,
    "G": 5,
    "H": 10,
    "I": 6,
    "J": 18,
    "K": 10,
    "L": 7,
    "M": 14,
}
NO_SUCH_CODE = {"C15", "D11", "E11", "E15"}
OF_THE_SYSTEM = {"DJANGO_SETTINGS_MODULE"}  # known to whoever runs Django


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_files(page):
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page))]
    inside = [link for link in links if link and "://" not in link and not link.startswith("mailto:")]
    assert [link for link in inside if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_tests_that_are_named_are_there(page):
    for path, test in re.findall(r"\b(tests/[\w/.-]*\w)(?:::(\w+))?", text_of(page)):
        file = ROOT / path
        assert file.exists(), path
        assert not test or re.search(rf"def {test}\(", text_of(file)), f"{path}::{test}"


def test_the_checklist_has_every_code_once_and_names_what_is_there():
    lines = [line for line in text_of(ROOT / "docs" / "checklist.md").splitlines() if re.match(r"\| [A-M]\d", line)]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    wanted = {f"{letter}{number}" for letter, last in CODES.items() for number in range(1, last + 1)} - NO_SUCH_CODE
    assert sorted(code for code, *_ in rows) == sorted(wanted)
    places = re.findall(
        r"\b(?:accounts|chat|presence|messenger|static|templates|bin)/[\w/.-]*\w", " ".join(row[2] for row in rows)
    )
    assert [place for place in set(places) if not (ROOT / place).exists()] == []
    for code, _what, where, test in rows:
        assert where and (test or "later" in where or "part" in where or "static/js" in where), code


def test_running_names_every_variable_and_no_other():
    settings = text_of(ROOT / "messenger" / "settings.py")
    read = set(re.findall(r'\b(?:env|flag|listed)\("([A-Z_]+)"', settings))
    read |= set(re.findall(r'"((?:GOOGLE|GITHUB|WEIXIN)_[A-Z_]+)"', settings))
    read |= set(re.findall(r"\$\{([A-Z_]+):-", text_of(ROOT / "bin" / "setup")))
    read |= set(re.findall(r'os\.environ\.get\("([A-Z_]+)"', text_of(ROOT / "messenger" / "server.py")))
    page = text_of(ROOT / "docs" / "running.md")
    table = page[page.index("## Variables") : page.index("## Signing in with Google")]
    told = set(re.findall(r"`([A-Z][A-Z_]{3,})`", table)) - {"NORMAL", "FULL", "INFO"}
    assert read - told - OF_THE_SYSTEM == set()
    apart = {"CI", "PYTHON", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} | set(re.findall(r"\bTEST_[A-Z_]+", table))
    assert told - read - apart == set()


def test_both_readmes_have_the_same_parts():
    english, chinese = (text_of(ROOT / name) for name in ("README.md", "README.zh-Hans.md"))
    for pattern in (r"^#+ ", r"^```", r"^\| ", r"!\[", r"\]\("):
        assert len(re.findall(pattern, english, re.MULTILINE)) == len(re.findall(pattern, chinese, re.MULTILINE)), (
            pattern
        )
    assert re.findall(r"^```.*?^```", english, re.MULTILINE | re.DOTALL) == re.findall(
        r"^```.*?^```", chinese, re.MULTILINE | re.DOTALL
    )


def test_commands_that_are_named_are_there():
    said = {name for page in PAGES for name in re.findall(r"`manage\.py (\w+)", text_of(page))}
    assert said - set(get_commands()) == set()
