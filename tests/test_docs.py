"""The documents name only files, tests, commands and variables that exist."""

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
UNDOCUMENTED = {"DJANGO_SETTINGS_MODULE"}  # Django documents it


@cache
def read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def relative_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=relative_name)
def test_links_to_files_exist(page):
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", read_text(page))]
    internal = [link for link in links if link and "://" not in link and not link.startswith("mailto:")]
    assert [link for link in internal if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=relative_name)
def test_named_tests_exist(page):
    for path, test in re.findall(r"\b(tests/[\w/.-]*\w)(?:::(\w+))?", read_text(page)):
        file = ROOT / path
        assert file.exists(), path
        assert not test or re.search(rf"def {test}\(", read_text(file)), f"{path}::{test}"


def test_the_checklist_has_every_code_once_and_names_existing_files():
    lines = [line for line in read_text(ROOT / "docs" / "checklist.md").splitlines() if re.match(r"\| [A-M]\d", line)]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    expected = {f"{letter}{number}" for letter, last in CODES.items() for number in range(1, last + 1)} - NO_SUCH_CODE
    assert sorted(code for code, *_ in rows) == sorted(expected)
    paths = re.findall(
        r"\b(?:accounts|chat|presence|messenger|static|templates|bin)/[\w/.-]*\w", " ".join(row[2] for row in rows)
    )
    assert [path for path in set(paths) if not (ROOT / path).exists()] == []
    for code, _feature, where, test in rows:
        assert where and (test or "later" in where or "part" in where or "static/js" in where), code


def test_running_md_lists_exactly_the_environment_variables():
    settings = read_text(ROOT / "messenger" / "settings.py")
    read = set(re.findall(r'\b(?:env|env_bool|env_list)\("([A-Z_]+)"', settings))
    read |= set(re.findall(r'"((?:GOOGLE|GITHUB|WEIXIN)_[A-Z_]+)"', settings))
    read |= set(re.findall(r"\$\{([A-Z_]+):-", read_text(ROOT / "bin" / "setup")))
    read |= set(re.findall(r'os\.environ\.get\("([A-Z_]+)"', read_text(ROOT / "messenger" / "server.py")))
    page = read_text(ROOT / "docs" / "running.md")
    table = page[page.index("## Variables") : page.index("## Signing in with Google")]
    documented = set(re.findall(r"`([A-Z][A-Z_]{3,})`", table)) - {"NORMAL", "FULL", "INFO"}
    assert read - documented - UNDOCUMENTED == set()
    external = {"CI", "PYTHON", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} | set(
        re.findall(r"\bTEST_[A-Z_]+", table)
    )
    assert documented - read - external == set()


def test_both_readmes_have_the_same_structure():
    english, chinese = (read_text(ROOT / name) for name in ("README.md", "README.zh-Hans.md"))
    for pattern in (r"^#+ ", r"^```", r"^\| ", r"!\[", r"\]\("):
        assert len(re.findall(pattern, english, re.MULTILINE)) == len(re.findall(pattern, chinese, re.MULTILINE)), (
            pattern
        )
    assert re.findall(r"^```.*?^```", english, re.MULTILINE | re.DOTALL) == re.findall(
        r"^```.*?^```", chinese, re.MULTILINE | re.DOTALL
    )


def test_named_commands_exist():
    names = {name for page in PAGES for name in re.findall(r"`manage\.py (\w+)", read_text(page))}
    assert names - set(get_commands()) == set()
