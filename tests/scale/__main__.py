"""Measures speed and memory of our server and of the chat from the Django Channels tutorial, in the same run.

    .venv/bin/python -m tests.scale                              all measurements, in some minutes
    .venv/bin/python -m tests.scale fan-out pairs                only these
    .venv/bin/python -m tests.scale --server uvicorn --json numbers.json

The two servers share one processor core and are measured in turn; clients and PostgreSQL run on another core. Absolute
values depend on the machine and its load. Therefore compare the ratio of the two servers: the medians of several rounds
are divided. Rates count only messages that arrived in order and are stored.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from tests.scale import measures  # noqa: E402
from tests.scale.contenders import Ours, Side, Tutorial  # noqa: E402
from tests.scale.environment import CLIENT_CORE, Stage, on_core, stage  # noqa: E402
from tests.scale.measures import Numbers  # noqa: E402
from tests.services import ServiceRegistry  # noqa: E402

MEASURES = ("idle", "fan-out", "pairs", "alone", "usual", "burst", "catch-up")
ONCE_IS_ENOUGH = ("idle", "usual", "catch-up")
ON_BOTH_DATABASES = ("pairs", "alone")


@dataclass
class Line:
    """A line of the result table, with the medians of our server and of the tutorial's server.

    `wanted` is the text of the goal for our server, shown beside the results.
    """

    database: str
    what: str
    ours: float
    tutorial: float | None
    wanted: str = ""

    @property
    def ratio(self) -> float | None:
        """Returns how many times better our server is than the server of the Channels tutorial.

        For rates this is our value divided by the tutorial's; for times and sizes the other way round.
        """
        if not self.tutorial:
            return None
        return self.ours / self.tutorial if self.what.endswith("/s") else self.tutorial / self.ours


def table_of(lines: list[Line]) -> str:
    rows = [("", "", "ours", "tutorial", "better", "wanted")]
    for line in lines:
        ratio = f"{line.ratio:.1f} ×" if line.ratio else ""
        rows.append((line.database, line.what, _number(line.ours), _number(line.tutorial), ratio, line.wanted))
    widths = [max(len(row[at]) for row in rows) for at in range(6)]
    return "\n".join(
        "  ".join(text.ljust(width) if at in (0, 1, 5) else text.rjust(width) for at, (text, width) in parts).rstrip()
        for parts in (list(enumerate(zip(row, widths, strict=True))) for row in rows)
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class Bench:
    def __init__(self, wanted: argparse.Namespace):
        self.wanted = wanted
        self.lines: list[Line] = []

    def database(self, name: str, folder: Path, services: ServiceRegistry) -> None:
        chosen = [measure for measure in MEASURES if measure in self.wanted.measures]
        if name != self.wanted.databases[0]:
            chosen = [measure for measure in chosen if measure in ON_BOTH_DATABASES]
        postgres = services.get("postgres") if name == "postgres" else None
        with stage(folder, self.wanted.server, postgres) as made:
            gc.collect()
            gc.freeze()  # a garbage collection in this process would be measured as a delay of the server
            for measure in chosen:
                self._measure(name, measure, made)

    def _measure(self, database: str, measure: str, made: Stage) -> None:
        print(f"{database}: {measure} …", file=sys.stderr, flush=True)
        applications = {"ours": Ours(made), "tutorial": Tutorial(made)}
        if measure == "catch-up":
            made.fill(10_000)
            for missed, wanted in ((500, ""), (10_000, "≤ 10,000")):
                numbers = _run(measures.catch_up(made, missed, 5 if missed < 1000 else 1))
                self.lines.append(Line(database, f"catching up {missed:,}: first answer, ms", numbers["first"], None))
                self.lines.append(Line(database, f"catching up {missed:,}: all, ms", numbers["all"], None, wanted))
            return
        taken: dict[str, list[Numbers]] = {"ours": [], "tutorial": []}
        for _ in range(1 if measure in ONCE_IS_ENOUGH else self.wanted.rounds):
            for name, side in applications.items():
                taken[name].append(_run(self._one(measure, side, made)))
        for what in taken["ours"][0]:
            ours, tutorial = (statistics.median(numbers[what] for numbers in taken[name]) for name in taken)
            title = f"{measure.replace('-', ' ')}: {what}"
            self.lines.append(Line(database, title, ours, tutorial, WANTED.get((measure, what), "")))

    def _one(self, measure: str, side: Side, made: Stage) -> Coroutine[None, None, Numbers]:
        seconds = self.wanted.seconds
        kinds: dict[str, Callable[[], Coroutine[None, None, Numbers]]] = {
            "idle": lambda: measures.idle(side, made, len(made.people), 10),
            "fan-out": lambda: measures.fan_out(side, made, seconds),
            "pairs": lambda: measures.pairs(side, made, seconds, 500),
            "alone": lambda: measures.alone(side, made, 200),
            "usual": lambda: measures.usual(side, made, 10),
            "burst": lambda: measures.burst(side, made),
        }
        return kinds[measure]()


WANTED = {
    ("idle", "KiB each"): "≤ 45",
    ("fan-out", "deliveries/s"): "≥ 10 ×",
    ("pairs", "sends/s"): "≥ 5 ×",
    ("usual", "ack p99, ms"): "≤ 100",
    ("usual", "delivery p99, ms"): "≤ 150",
    ("burst", "all there, ms"): "≤ 2,000",
}


def _run(measure: Coroutine[None, None, Numbers]) -> Numbers:
    try:
        from uvloop import run
    except ImportError:
        run = asyncio.run  # works too, with slower clients
    return run(measure)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measures", nargs="*", default=MEASURES, metavar="measure", help=" ".join(MEASURES))
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--server", default="daphne", choices=["daphne", "uvicorn"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each is kept busy")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    wanted = parser.parse_args()
    if unknown := set(wanted.measures) - set(MEASURES):
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    services, bench = ServiceRegistry(), Bench(wanted)
    try:
        with on_core(CLIENT_CORE) as pinned, tempfile.TemporaryDirectory(prefix="messenger-scale-") as scratch:
            for database in wanted.databases:
                folder = Path(scratch) / database
                folder.mkdir()
                bench.database(database, folder, services)
    finally:
        services.end()
    print(f"{wanted.server}, {'a core for the server' if pinned else 'cores not pinned'}, {wanted.rounds} rounds")
    print(table_of(bench.lines))
    if wanted.json:
        wanted.json.write_text(json.dumps([{**asdict(line), "ratio": line.ratio} for line in bench.lines], indent=1))


if __name__ == "__main__":
    main()
