"""Measures which part of the server's time the search index takes from sending messages.

    .venv/bin/python -m tests.scale.search_cost --rounds 7

Two servers with the same database and processor core send in turn: one as it is, one that does not index new messages.
The cost is the median of the ratios of their processor time for each message, in 500 direct conversations at once
(measure `pairs` of tests/scale).
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from tests.scale import measures  # noqa: E402
from tests.scale.__main__ import _run as run  # noqa: E402
from tests.scale.contenders import Ours  # noqa: E402
from tests.scale.environment import CLIENT_CORE, PinnedServer, Stage, on_core, stage  # noqa: E402
from tests.services import ServiceRegistry  # noqa: E402


class ServerWithoutSearch(PinnedServer):
    """A server process that does not index new messages."""

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "DJANGO_SETTINGS_MODULE": "tests.scale.without_search.settings"}


class WithoutSearch(Ours):
    name = "without search"

    def __init__(self, stage: Stage):
        super().__init__(stage)
        self.server = stage.servers["without search"]


def measure(made: Stage, rounds: int, seconds: float, pairs: int) -> None:
    server = made.servers["without search"] = ServerWithoutSearch(made.site, None, {})
    made.site.servers.append(server)
    server.start()
    ratios = []
    for number in range(rounds):
        sides = [Ours(made), WithoutSearch(made)]
        taken = {
            side.name: run(measures.pairs(side, made, seconds, pairs))["server µs each"]
            for side in (sides if number % 2 else sides[::-1])
        }
        ratios.append(taken["ours"] / taken["without search"])
        print(", ".join(f"{name} {value:.0f} µs" for name, value in sorted(taken.items())), f"{ratios[-1]:.3f}")
    median = statistics.median(ratios)
    print(f"processor time × {median:.3f}: sends lose {100 - 100 / median:.1f} % of their rate", flush=True)


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
                with stage(folder, wanted.server, postgres) as made:
                    measure(made, wanted.rounds, wanted.seconds, wanted.pairs)
    finally:
        services.end()


if __name__ == "__main__":
    main()
