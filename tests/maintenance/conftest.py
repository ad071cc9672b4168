"""Fixtures for tests of backup, restore, import and diagnosis."""

import os

import pytest

from tests.attachments.conftest import upload_clients  # noqa: F401 (the fixture)
from tests.services import ServiceUnavailable, postgres_binaries


@pytest.fixture(autouse=True)
def postgres_programs(monkeypatch):
    """Makes pg_dump, pg_restore and psql of the PostgreSQL that the tests use available, if the machine has none."""
    try:
        folder, _source = postgres_binaries()
    except ServiceUnavailable:
        return
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{folder}")
