"""Tests that the files, tests, commands and environment variables named in the documentation exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")])
REQUIREMENTS = {
    "A": 14,
    "B": 15,
    "C": 16,
    "D": 21,
    "E": 19,
    "F": 12,
    "G": 5,
    "H": 10,
    "I": 6,
    "J": 16,
    "K": 7,
    "L": 4,
    "M": 12,
}
STATUSES = ("yes", "partly", "different", "later")
UNDOCUMENTED = {"DJANGO_SETTINGS_MODULE"}  # explained in the documentation of Django


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


class Requirement(NamedTuple):
    """One row of the tables of requirements in docs/checklist.md.

    `code` is the code of the requirement, such as `R-A1`. It is empty in the last table, "Beyond the requirements".
    """

    code: str
    summary: str
    status: str
    where: str
    test: str
    note: str


@cache
def read_checklist() -> list[Requirement]:
    rows = []
    for line in read_text(ROOT / "docs" / "checklist.md").splitlines():
        cells = [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]
        if len(cells) >= 5 and cells[-4].strip("`") in STATUSES:
            cells = cells if len(cells) == 6 else ["", *cells]
            rows.append(Requirement(*cells)._replace(status=cells[2].strip("`")))
    return rows


def test_the_checklist_has_each_requirement_once_in_order():
    expected = [f"R-{letter}{number}" for letter, last in REQUIREMENTS.items() for number in range(1, last + 1)]
    assert [row.code for row in read_checklist() if row.code] == expected
    assert re.findall(r"^\| (R-\w+) \|", read_text(ROOT / "docs" / "checklist.md"), re.MULTILINE) == expected


def test_the_checklist_counts_its_statuses():
    counts = dict(re.findall(r"^\| `(\w+)` \|.*\| (\d+) \|$", read_text(ROOT / "docs" / "checklist.md"), re.MULTILINE))
    statuses = [row.status for row in read_checklist() if row.code]
    assert counts == {status: str(statuses.count(status)) for status in STATUSES}


@pytest.mark.parametrize("row", read_checklist(), ids=lambda row: row.code or row.summary)
def test_a_row_of_the_checklist_names_existing_files_and_tests(row):
    paths = re.findall(r"[^\s,]+", row.where)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    for file, titles in re.findall(r"(tests/js/[\w-]+\.test\.js) \(([^)]*)\)", row.test):
        assert [title for title in re.findall(r'"([^"]+)"', titles) if f'"{title}"' not in read_text(ROOT / file)] == []
    assert row.summary
    if row.status == "later":
        assert row.note and not row.test
    else:
        assert paths
        assert row.note or row.status == "yes"
        assert re.search(r"\btests/\w", row.test) or row.test.startswith("How to see: ")


def test_running_md_lists_exactly_the_environment_variables():
    settings = "".join(read_text(ROOT / "messenger" / name) for name in ("settings.py", "environment.py"))
    read = set(re.findall(r'\benv(?:_[a-z]+)?\(\s*"([A-Z_]+)"', settings))
    read |= set(re.findall(r'env_pair\("[A-Z_]+", "([A-Z_]+)"', settings))
    read |= set(re.findall(r'"((?:GOOGLE|GITHUB|WEIXIN)_[A-Z_]+)"', settings))
    read |= set(re.findall(r"\$\{([A-Z_]+):-", read_text(ROOT / "bin" / "setup")))
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
