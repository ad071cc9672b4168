"""Tests of a site whose PostgreSQL is reached through pgbouncer, with the shipped configuration."""

from __future__ import annotations

import asyncio
import re

import psycopg
import pytest
from django.utils import timezone

from audit.models import AuditEntry
from tests.conftest import require_program
from tests.pgbouncer import POOL, Pgbouncer

pytestmark = [pytest.mark.faults, pytest.mark.long]
USERNAMES = ("alice", "bob", "carol", "dave")


@pytest.fixture
def pgbouncer_site(make_site, tmp_path):
    """Provides a site on PostgreSQL that reaches its database through a pgbouncer, and this pgbouncer."""
    site = make_site("postgres", redis=True, proxied=True, LIMITS="off", DATABASE_PGBOUNCER="on")
    pgbouncer = Pgbouncer(tmp_path, require_program("pgbouncer", "pgbouncer"), site.database_url)
    site.environment["DATABASE_URL"] = pgbouncer.url
    with pgbouncer:
        yield site, pgbouncer
    print(pgbouncer.tail())


def execute(site, statement: str) -> list[tuple]:
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def set_limits_as_doctor_says(site) -> str:
    """Executes the statements that `doctor` advises, and returns what it printed before."""
    printed = site.manage("doctor", "--offline")
    for statement in re.findall(r"ALTER ROLE [^;]+;", printed):
        execute(site, statement)
    return printed


def test_doctor_says_how_to_set_the_limits_that_pgbouncer_does_not_pass_on(pgbouncer_site):
    site, pgbouncer = pgbouncer_site
    printed = set_limits_as_doctor_says(site)
    assert "sessions do not have the limits of the settings: idle_in_transaction_session_timeout, jit" in printed
    pgbouncer.restart()  # new sessions get the settings of the role
    assert "sessions do not have" not in site.manage("doctor", "--offline")


async def test_a_small_pool_and_a_killed_pgbouncer_lose_no_message(pgbouncer_site, start_traffic):
    site, pgbouncer = pgbouncer_site
    await asyncio.to_thread(set_limits_as_doctor_says, site)
    await asyncio.to_thread(pgbouncer.restart)
    await asyncio.to_thread(site.start)
    await asyncio.to_thread(site.start, "uvicorn")
    traffic = await start_traffic(site, *USERNAMES)
    traffic.start()
    await traffic.wait_for_acks(100)
    sessions = execute(
        site,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert 0 < sessions[0][0] <= POOL
    pgbouncer.kill()
    await asyncio.sleep(1)
    await asyncio.to_thread(pgbouncer.start)
    await traffic.wait_for_acks(100)
    await traffic.stop()
    await traffic.assert_consistent()


# Reads a row, occupies the connection to PostgreSQL on which it was read, and reads the other rows.
READ_ON_TWO_CONNECTIONS = """
import psycopg
from django.conf import settings
from audit.models import AuditEntry
rows = AuditEntry.objects.iterator(chunk_size=10)
first = next(rows)
with psycopg.connect(settings.DATABASE_URL) as other:
    other.execute("SELECT 1")
    print("read", 1 + len(list(rows)))
"""


def test_long_reads_need_no_cursor_of_the_server(pgbouncer_site):
    site, _ = pgbouncer_site
    with site.orm():
        now = timezone.now()
        AuditEntry.objects.bulk_create(AuditEntry(created_at=now, action="message.hide") for _ in range(300))
    assert "read 300" in site.manage("shell", "-c", READ_ON_TWO_CONNECTIONS)
