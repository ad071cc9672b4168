"""The diagnosis of a site: each check returns findings, and each finding that is not good says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found out about one part of the site, such as "Redis"."""

    level: Level
    part: str
    text: str
    advice: str = ""


Check = Callable[[], Iterator[Finding]]


def ok(part: str, text: str) -> Finding:
    return Finding("ok", part, text)


def warning(part: str, text: str, advice: str) -> Finding:
    return Finding("warning", part, text, advice)


def error(part: str, text: str, advice: str) -> Finding:
    return Finding("error", part, text, advice)


def one_line(exception: BaseException) -> str:
    """Returns the first line of an exception's message, or its class if it has none."""
    return (str(exception).strip().splitlines() or [type(exception).__name__])[0]


def run_checks(public_url: str | None) -> Iterator[Finding]:
    """Runs all checks one after another. Those of the public URL are left out if `public_url` is None."""
    from messenger.maintenance.doctor import machine, public_site, services

    checks: list[tuple[str, Check]] = [*machine.CHECKS, *services.CHECKS]
    if public_url is not None:
        checks.append(("public URL", lambda: public_site.check(public_url)))
    for part, check in checks:
        try:
            yield from check()
        except Exception as exception:
            yield error(
                part, f"the check failed: {type(exception).__name__}: {one_line(exception)}", "Report this as a bug."
            )
