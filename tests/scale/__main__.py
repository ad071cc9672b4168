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
from tests.scale.contenders import Contender, Ours, Tutorial  # noqa: E402
from tests.scale.environment import CLIENT_CORE, Environment, on_core, start_environment  # noqa: E402
from tests.scale.measures import Numbers  # noqa: E402
from tests.services import ServiceRegistry  # noqa: E402

MEASURES = ("idle", "fan-out", "pairs", "alone", "usual", "burst", "catch-up")
MEASURED_ONCE = ("idle", "usual", "catch-up")
ON_BOTH_DATABASES = ("pairs", "alone")


@dataclass
class ResultRow:
    """A line of the result table, with the medians of our server and of the tutorial's server.

    `goal` is the text of the goal for our server, shown beside the results.
    """

    database: str
    what: str
    ours: float
    tutorial: float | None
    goal: str = ""

    @property
    def ratio(self) -> float | None:
        """Returns how many times better our server is than the server of the Channels tutorial.

        For rates this is our value divided by the tutorial's; for times and sizes the other way round.
        """
        if not self.tutorial:
            return None
        return self.ours / self.tutorial if self.what.endswith("/s") else self.tutorial / self.ours


def format_table(results: list[ResultRow]) -> str:
    rows = [("", "", "ours", "tutorial", "better", "goal")]
    for result in results:
        ratio = f"{result.ratio:.1f} ×" if result.ratio else ""
        rows.append((result.database, result.what, _number(result.ours), _number(result.tutorial), ratio, result.goal))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column in (0, 1, 5) else text.rjust(width) for column, (text, width) in cells
        ).rstrip()
        for cells in (list(enumerate(zip(row, widths, strict=True))) for row in rows)
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class Benchmark:
    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.rows: list[ResultRow] = []

    def measure_database(self, name: str, folder: Path, services: ServiceRegistry) -> None:
        chosen = [measure for measure in MEASURES if measure in self.options.measures]
        if name != self.options.databases[0]:
            chosen = [measure for measure in chosen if measure in ON_BOTH_DATABASES]
        postgres = services.get("postgres") if name == "postgres" else None
        with start_environment(folder, self.options.server, postgres) as environment:
            gc.collect()
            gc.freeze()  # a garbage collection in this process would be measured as a delay of the server
            for measure in chosen:
                self._measure(name, measure, environment)

    def _measure(self, database: str, measure: str, environment: Environment) -> None:
        print(f"{database}: {measure} …", file=sys.stderr, flush=True)
        applications = {"ours": Ours(environment), "tutorial": Tutorial(environment)}
        if measure == "catch-up":
            environment.add_messages(10_000)
            for missed, goal in ((500, ""), (10_000, "≤ 10,000")):
                numbers = _run(measures.catch_up(environment, missed, 5 if missed < 1000 else 1))
                self.rows.append(
                    ResultRow(database, f"catching up {missed:,}: first answer, ms", numbers["first"], None)
                )
                self.rows.append(ResultRow(database, f"catching up {missed:,}: all, ms", numbers["all"], None, goal))
            return
        rounds: dict[str, list[Numbers]] = {"ours": [], "tutorial": []}
        for _ in range(1 if measure in MEASURED_ONCE else self.options.rounds):
            for name, contender in applications.items():
                rounds[name].append(_run(self._start(measure, contender, environment)))
        for what in rounds["ours"][0]:
            ours, tutorial = (statistics.median(numbers[what] for numbers in rounds[name]) for name in rounds)
            title = f"{measure.replace('-', ' ')}: {what}"
            self.rows.append(ResultRow(database, title, ours, tutorial, GOALS.get((measure, what), "")))

    def _start(self, measure: str, contender: Contender, environment: Environment) -> Coroutine[None, None, Numbers]:
        seconds = self.options.seconds
        starters: dict[str, Callable[[], Coroutine[None, None, Numbers]]] = {
            "idle": lambda: measures.idle(contender, environment, len(environment.user_ids), 10),
            "fan-out": lambda: measures.fan_out(contender, environment, seconds),
            "pairs": lambda: measures.pairs(contender, environment, seconds, 500),
            "alone": lambda: measures.alone(contender, environment, 200),
            "usual": lambda: measures.usual(contender, environment, 10),
            "burst": lambda: measures.burst(contender, environment),
        }
        return starters[measure]()


GOALS = {
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
    options = parser.parse_args()
    if unknown := set(options.measures) - set(MEASURES):
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    services, benchmark = ServiceRegistry(), Benchmark(options)
    try:
        with on_core(CLIENT_CORE) as pinned, tempfile.TemporaryDirectory(prefix="messenger-scale-") as scratch:
            for database in options.databases:
                folder = Path(scratch) / database
                folder.mkdir()
                benchmark.measure_database(database, folder, services)
    finally:
        services.end()
    print(f"{options.server}, {'a core for the server' if pinned else 'cores not pinned'}, {options.rounds} rounds")
    print(format_table(benchmark.rows))
    if options.json:
        options.json.write_text(
            json.dumps([{**asdict(result), "ratio": result.ratio} for result in benchmark.rows], indent=1)
        )


if __name__ == "__main__":
    main()
