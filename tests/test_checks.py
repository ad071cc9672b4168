"""Tests that Django's system checks report bad combinations of settings, and report nothing for good ones."""

from __future__ import annotations

import sqlite3

import pytest
from django.core.checks import registry, run_checks

from messenger import checks

PRODUCTION = {
    "DEBUG": False,
    "SITE_URL": "https://chat.example.org",
    "SECURE": True,
    "TRUSTED_PROXIES": ["127.0.0.1", "10.0.0.0/8"],
    "EMAIL_URL": "smtp://mail.example.org",
    "LIMITS": True,
    "SERVER": "daphne",
    "WEB_CONCURRENCY": 1,
    "REDIS_URL": "",
    "STORAGE_URL": "",
}


@pytest.fixture
def run_our_checks(settings, monkeypatch):
    """Returns a function that runs the messenger's own system checks and returns the ids of their messages.

    The function uses production settings; its keyword arguments replace some of them. `env` sets environment variables,
    `engine` the database engine.
    """

    def run(
        *, engine: str = checks.SQLITE, env: dict[str, str] | None = None, descriptors: int = 4096, **changes
    ) -> set[str]:
        for name, value in {**PRODUCTION, **changes}.items():
            setattr(settings, name, value)
        monkeypatch.setattr(checks, "database_engine", lambda: engine)
        for name in checks.S3_KEY_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(checks.file_descriptors, "get_limit", lambda: descriptors)
        messages = [*checks.check_services(), *checks.check_security(), *checks.check_production()]
        assert all(message.hint for message in messages), "each message has a hint"
        return {message.id.removeprefix("messenger.") for message in messages}

    return run


def test_a_production_site_has_no_messages(run_our_checks):
    assert run_our_checks() == set()


def test_several_processes_need_redis_and_postgresql(run_our_checks):
    assert run_our_checks(SERVER="uvicorn", WEB_CONCURRENCY=2) == {"E003", "E004"}
    assert run_our_checks(SERVER="uvicorn", WEB_CONCURRENCY=2, REDIS_URL="redis://localhost") == {"E004"}
    assert run_our_checks(SERVER="uvicorn", WEB_CONCURRENCY=2, engine=checks.POSTGRESQL) == {"E003"}
    assert (
        run_our_checks(SERVER="uvicorn", WEB_CONCURRENCY=2, engine=checks.POSTGRESQL, REDIS_URL="redis://localhost")
        == set()
    )
    assert run_our_checks(SERVER="uvicorn", WEB_CONCURRENCY=1) == set()
    assert run_our_checks(SERVER="daphne", WEB_CONCURRENCY=2) == set(), "daphne is one process and ignores the variable"


def test_databases(run_our_checks, monkeypatch):
    assert run_our_checks(engine="django.db.backends.mysql") == {"E001"}
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    assert run_our_checks() == {"E002"}
    assert run_our_checks(engine=checks.POSTGRESQL) == set()


def test_keys_for_s3(run_our_checks):
    assert run_our_checks(STORAGE_URL="s3://bucket") == {"W001"}
    assert run_our_checks(STORAGE_URL="s3://bucket", env={"AWS_ACCESS_KEY_ID": "key"}) == set()


def test_limits_off(run_our_checks):
    assert run_our_checks(LIMITS=False) == {"W002"}


def test_addresses(run_our_checks):
    assert run_our_checks(SITE_URL="https://example.org/chat") == {"E005"}
    assert run_our_checks(SITE_URL="http://chat.example.org", SECURE=False) == {"W003"}
    assert run_our_checks(DEBUG=True) == {"W004"}
    assert run_our_checks(SITE_URL="http://localhost:8000", SECURE=False, DEBUG=True) == set()


def test_proxies(run_our_checks):
    assert run_our_checks(TRUSTED_PROXIES=["nginx"]) == {"E006"}
    assert run_our_checks(TRUSTED_PROXIES=["0.0.0.0/0"]) == {"W005"}
    assert run_our_checks(TRUSTED_PROXIES=[]) == {"W006"}


def test_mail(run_our_checks):
    assert run_our_checks(EMAIL_URL="") == {"W007"}


def test_django_runs_the_checks(settings):
    assert "messenger.W002" in {message.id for message in run_checks()}  # the test settings have LIMITS off
    check_names = {check.__name__ for check in registry.registry.get_checks(include_deployment_checks=True)}
    assert {"check_services", "check_security", "check_production"} <= check_names
    assert "messenger.W007" not in {message.id for message in run_checks()}, "only --deploy checks mail"


def test_a_low_limit_of_descriptors(run_our_checks):
    assert run_our_checks(descriptors=1024) == {"W008"}
    assert run_our_checks(descriptors=0) == set()  # unlimited
