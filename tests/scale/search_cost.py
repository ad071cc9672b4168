"""Measures which part of the server's time the search index takes from sending messages.

    .venv/bin/python -m tests.scale.search_cost --rounds 7

Two servers with the same database and processor core send in turn: one as it is, one that does not index new messages.
The cost is the median of the ratios of their processor time for each message, in 500 direct conversations at once
(measure `pairs` of tests/scale). For PostgreSQL, the processor time of its processes is compared, too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django
import psutil

django.setup()

from tests.scale import measures  # noqa: E402
from tests.scale.__main__ import _run as run  # noqa: E402
from tests.scale.contenders import Contender, Ours  # noqa: E402
from tests.scale.environment import CLIENT_CORE, Environment, PinnedServer, on_core, start_environment  # noqa: E402
from tests.services import PostgresServer, ServiceRegistry  # noqa: E402


class ServerWithoutSearch(PinnedServer):
    """A server process that does not index new messages."""

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "DJANGO_SETTINGS_MODULE": "tests.scale.without_search.settings"}


class WithoutSearch(Ours):
    name = "without search"

    def __init__(self, environment: Environment):
        super().__init__(environment)
        self.server = environment.servers["without search"]


class Taken(NamedTuple):
    """Processor time for each message, in microseconds."""

    server: float
    database: float  # all processes of PostgreSQL; 0 with SQLite, which runs in the server


def measure(environment: Environment, postgres: PostgresServer | None, rounds: int, seconds: float, pairs: int) -> None:
    server = environment.servers["without search"] = ServerWithoutSearch(environment.site, None, {})
    environment.site.servers.append(server)
    server.start()

    def send(contender: Contender) -> Taken:
        before = _cpu_seconds(postgres)
        numbers = run(measures.pairs(contender, environment, seconds, pairs))
        sent = numbers["sends/s"] * seconds
        return Taken(numbers["server µs each"], (_cpu_seconds(postgres) - before) / sent * 1e6)

    ratios, database_costs = [], []
    for number in range(rounds):
        contenders = [Ours(environment), WithoutSearch(environment)]
        taken = {each.name: send(each) for each in (contenders if number % 2 else contenders[::-1])}
        ours, without = taken["ours"], taken["without search"]
        ratios.append(ours.server / without.server)
        print(f"server {ours.server:.0f} and {without.server:.0f} µs, × {ratios[-1]:.3f}", end="")
        if postgres:
            database_costs.append(ours.database - without.database)
            print(f"; database {ours.database:.0f} and {without.database:.0f} µs", end="")
        print(flush=True)
    median = statistics.median(ratios)
    print(f"processor time × {median:.3f}: sends lose {100 - 100 / median:.1f} % of their rate", flush=True)
    if database_costs:
        print(f"PostgreSQL takes {statistics.median(database_costs):.0f} µs more for each message", flush=True)


def _cpu_seconds(postgres: PostgresServer | None) -> float:
    """Returns the processor time of all processes of the database server so far, with those that have ended."""
    if postgres is None or postgres.process is None:
        return 0
    main = psutil.Process(postgres.process.pid)
    times = main.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for process in main.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:2])
    return total


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.scale.search_cost", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--server", default="daphne", choices=["daphne", "uvicorn"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each server is kept busy")
    parser.add_argument("--pairs", type=int, default=500, help="direct conversations in which one user sends")
    wanted = parser.parse_args()
    services = ServiceRegistry()
    try:
        with on_core(CLIENT_CORE), tempfile.TemporaryDirectory(prefix="messenger-scale-") as scratch:
            for database in wanted.databases:
                folder = Path(scratch) / database
                folder.mkdir()
                postgres = services.get("postgres") if database == "postgres" else None
                print(f"{database}, {wanted.server}", flush=True)
                with start_environment(folder, wanted.server, postgres) as environment:
                    measure(environment, postgres, wanted.rounds, wanted.seconds, wanted.pairs)
    finally:
        services.end()


if __name__ == "__main__":
    main()
