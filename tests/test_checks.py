"""The system checks speak up for what cannot work, and are silent about what can."""

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
    "REDIS_URL": "",
    "STORAGE_URL": "",
}


@pytest.fixture
def found(settings, monkeypatch):
    """The ids that our checks find, in production with these changes; capitals: settings, `env`: the environment."""

    def find(*, engine: str = checks.SQLITE, env: dict[str, str] | None = None, **changes) -> set[str]:
        for name, value in {**PRODUCTION, **changes}.items():
            setattr(settings, name, value)
        monkeypatch.setattr(checks, "database_engine", lambda: engine)
        for name in ("WEB_CONCURRENCY", *checks.S3_KEYS):
            monkeypatch.delenv(name, raising=False)
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        messages = [*checks.engines(), *checks.safety(), *checks.production()]
        assert all(message.hint for message in messages), "each says what to do"
        return {message.id.removeprefix("messenger.") for message in messages}

    return find


def test_production_is_clean(found):
    assert found() == set()


def test_several_processes_need_redis_and_postgresql(found):
    two = {"WEB_CONCURRENCY": "2"}
    assert found(SERVER="uvicorn", env=two) == {"E003", "E004"}
    assert found(SERVER="uvicorn", env=two, REDIS_URL="redis://localhost") == {"E004"}
    assert found(SERVER="uvicorn", env=two, engine=checks.POSTGRESQL) == {"E003"}
    assert found(SERVER="uvicorn", env=two, engine=checks.POSTGRESQL, REDIS_URL="redis://localhost") == set()
    assert found(SERVER="uvicorn", env={"WEB_CONCURRENCY": "1"}) == set()
    assert found(SERVER="daphne", env=two) == set(), "it is one process, whatever the variable says"


def test_databases(found, monkeypatch):
    assert found(engine="django.db.backends.mysql") == {"E001"}
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    assert found() == {"E002"}
    assert found(engine=checks.POSTGRESQL) == set()


def test_keys_for_s3(found):
    assert found(STORAGE_URL="s3://bucket") == {"W001"}
    assert found(STORAGE_URL="s3://bucket", env={"AWS_ACCESS_KEY_ID": "key"}) == set()


def test_limits_off(found):
    assert found(LIMITS=False) == {"W002"}


def test_addresses(found):
    assert found(SITE_URL="https://example.org/chat") == {"E005"}
    assert found(SITE_URL="http://chat.example.org", SECURE=False) == {"W003"}
    assert found(DEBUG=True) == {"W004"}
    assert found(SITE_URL="http://localhost:8000", SECURE=False, DEBUG=True) == set()


def test_proxies(found):
    assert found(TRUSTED_PROXIES=["nginx"]) == {"E006"}
    assert found(TRUSTED_PROXIES=["0.0.0.0/0"]) == {"W005"}
    assert found(TRUSTED_PROXIES=[]) == {"W006"}


def test_mail(found):
    assert found(EMAIL_URL="") == {"W007"}


def test_django_runs_them(settings):
    assert "messenger.W002" in {message.id for message in run_checks()}  # tests run without limits
    names = {check.__name__ for check in registry.registry.get_checks(include_deployment_checks=True)}
    assert {"engines", "safety", "production"} <= names
    assert "messenger.W007" not in {message.id for message in run_checks()}, "mail is asked for by --deploy alone"
