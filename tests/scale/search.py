"""Measures how long searches take through the API on a large site, on SQLite and on PostgreSQL.

    .venv/bin/python -m tests.scale.search --messages 1000000
    .venv/bin/python -m tests.scale.search --messages 5000000 --databases postgres
    .venv/bin/python -m tests.scale.search --messages 1000000 --url sqlite:////big/disk/search.sqlite3

Without `--url`, the databases are temporary. A million messages take about two minutes to create and a gigabyte. With
`--url`, this database is migrated, filled if it has no messages, and kept.

Prints for each query the median and the 95th percentile of its times, the first of them (with cold caches), and the
median of the processor time of this process and of the process of PostgreSQL that serves it. On a busy machine only
that is steady. The time is that of `GET /api/v1/search/?kind=messages` with all middleware, in this process.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()

from django.db import connection
from django.test import Client
from django.test.utils import setup_test_environment

from accounts.auth import tokens
from accounts.models import User
from chat.models import Message
from tests.databases import copy_sqlite_template, postgres_template, run_manage, using_database
from tests.scale.search_data import SearchData, create_search_data, english_word
from tests.services import ServiceRegistry

COMMON, NEXT = SearchData.common, SearchData.second
QUERIES = {
    "rare word": SearchData.rare,
    "common word": COMMON,
    "absent word": SearchData.absent,
    "word common elsewhere": SearchData.hot_elsewhere,
    "rare Chinese word": SearchData.rare_chinese,
    "common Chinese word": SearchData.common_chinese,
    "Chinese character": SearchData.common_chinese[0],
    "prefix of one letter": COMMON[0],
    "prefix of three letters": f"{COMMON}d",
    "two common words": f"{COMMON} {NEXT}",
    "common and absent word": f"{COMMON} {SearchData.absent}",
    "common and rare word": f"{COMMON} {SearchData.rare}",
    "phrase": f'"{COMMON} {NEXT}"',
    "rare phrase of common words": '"' + " ".join(english_word(rank) for rank in (3, 2, 1, 0)) + '"',
    "common without common": f"{COMMON} -{NEXT}",
    "common word, from me": f"{COMMON} from:me",
    "common word, long ago": f"{COMMON} before:2024-03-01",
    "from me": "from:me",
    "long ago": "before:2024-03-01",
    "before all": "before:2001-01-01",
    "10 KB": "word " * 2000,
    "200 letters": "b" * 200,
    "three prefixes of one letter": "b d f",
    "ten prefixes of one letter": "b d f g h k l m n p",
    "one letter ten times": "b " * 10,
    "only operators": 'OR AND NOT NEAR -"" ()&|!<->',
    "empty operators": "from: in: has:",
    "%": "%",
    "NUL": "\0",
    "unbalanced quotes": '"\'" "',
}


@dataclass
class Timing:
    """How long the requests of one query took, in milliseconds."""

    title: str
    times: list[float] = field(default_factory=list)  # the first is that with cold caches
    cpu_times: list[float] = field(default_factory=list)  # of this process and of the database
    results: int = 0
    status: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        return sorted(self.times)[math.ceil(len(self.times) * 0.95) - 1]


def measure_queries(data: SearchData, rounds: int) -> list[Timing]:
    """Measures each query `rounds` times, one query after the other in each round."""
    if connection.vendor == "sqlite":  # as in production, unlike in tests.settings
        connection.cursor().execute("PRAGMA cache_size=-16000")
    user = User.objects.get(pk=data.reader_id)
    client = Client(headers={"Authorization": f"Bearer {tokens.issue_token_pair(user).access}"})

    def ask(url: str, timing: Timing) -> str | None:
        start, cpu_start = time.perf_counter(), _cpu_seconds()
        response = client.get(url)
        timing.times.append((time.perf_counter() - start) * 1000)
        timing.cpu_times.append((_cpu_seconds() - cpu_start) * 1000)
        assert response.status_code in (200, 400), response.content
        timing.status = response.status_code
        if response.status_code != 200:
            return None
        messages = response.json()["messages"]
        timing.results = len(messages["results"])
        return messages["next"]

    timings = {title: Timing(title) for title in (*QUERIES, *(f"{title}, page two" for title in _PAGED))}
    for _ in range(rounds):
        for title, query in QUERIES.items():
            next_page = ask(f"/api/v1/search/?{urlencode({'q': query, 'kind': 'messages'})}", timings[title])
            if title in _PAGED and next_page:
                ask(next_page, timings[f"{title}, page two"])
    return list(timings.values())


def _cpu_seconds() -> float:
    """Returns the processor time of this process and of the process of PostgreSQL that serves it, so far."""
    total = time.process_time()
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        process = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")  # nanoseconds; only on this machine
        total += int(process.read_text().split()[0]) / 1e9 if process.exists() else 0
    return total


_PAGED = ("common word", "common Chinese word", "from me")


@contextmanager
def search_site(database: str, messages: int, folder: Path, services: ServiceRegistry) -> Iterator[SearchData]:
    """Context manager that creates a temporary database with the data, and makes it Django's database."""
    if database == "sqlite":
        copy_sqlite_template(folder)
        with using_database(f"sqlite:///{folder}/messenger.sqlite3"):
            yield create_search_data(messages)
        return
    server = services.get("postgres")
    url = server.create(postgres_template(server))
    try:
        with using_database(url):
            yield create_search_data(messages)
    finally:
        server.drop(url)


@contextmanager
def kept_search_site(url: str, messages: int) -> Iterator[SearchData]:
    """Context manager that makes the database at `url` Django's database, and fills it if it is empty."""
    run_manage("migrate", "--no-input", "--verbosity", "0", DATABASE_URL=url)
    with using_database(url):
        if Message.objects.exists():
            yield SearchData(User.objects.order_by("pk").values_list("pk", flat=True)[0])
        else:
            yield create_search_data(messages)


def print_timings(database: str, timings: list[Timing]) -> None:
    print(f"\n{database}, {Message.objects.count():,} messages, {len(timings[0].times)} rounds", flush=True)
    print(f"{'query, ms':36}{'p50':>8}{'p95':>8}{'first':>8}{'CPU':>8}{'found':>8}")
    for timing in timings:
        if timing.times:
            found = timing.results if timing.status == 200 else f"({timing.status})"
            print(
                f"{timing.title:36}{timing.median:8.1f}{timing.p95:8.1f}{timing.times[0]:8.1f}"
                f"{statistics.median(timing.cpu_times):8.1f}{found:>8}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.scale.search", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--url", help="a database to use and keep: sqlite:////file or postgres://…")
    parser.add_argument("--rounds", type=int, default=20)
    wanted = parser.parse_args()
    setup_test_environment()
    if wanted.url:
        with kept_search_site(wanted.url, wanted.messages) as data:
            print_timings(connection.vendor, measure_queries(data, wanted.rounds))
        return
    services = ServiceRegistry()
    try:
        for database in wanted.databases:
            with (
                tempfile.TemporaryDirectory(prefix="messenger-search-") as scratch,
                search_site(database, wanted.messages, Path(scratch) / database, services) as data,
            ):
                print_timings(database, measure_queries(data, wanted.rounds))
    finally:
        services.end()


if __name__ == "__main__":
    sys.exit(main())
