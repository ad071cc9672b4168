"""Tests that each environment variable with a value that cannot be meant is refused with its name."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.settings import SECRET

ROOT = Path(__file__).resolve().parent.parent
SWITCHES = """
    DEBUG DATABASE_PGBOUNCER HSTS_PRELOAD HSTS_SUBDOMAINS LIMITS STAFF_SECOND_FACTOR WORKER
""".split()  # noqa: SIM905
NUMBERS = """
    ACCESS_TOKEN_MINUTES CONNECTIONS_PER_ADDRESS CONNECTIONS_PER_PERSON CONVERSATION_FILES_LIMIT_MB DATABASE_POOL
    FILE_LIMIT_MB HEARTBEAT_INTERVAL HEARTBEAT_TIMEOUT HSTS_SECONDS LINKS_OF_NEW_ACCOUNTS LINKS_PER_MESSAGE
    NEW_ACCOUNT_HOURS PERSON_FILES_LIMIT_MB PORT REFRESH_TOKEN_DAYS RETENTION_DAYS SWEEP_SECONDS TURN_TTL
    WEB_CONCURRENCY WORKER_JOBS
""".split()  # noqa: SIM905
WRONG_VALUES = {
    **{name: ["onn", "2", "enabled", "on off"] for name in SWITCHES},
    **{name: ["many", "-1", "1e3", "0x10", "1,5", "９", "99999999999999"] for name in NUMBERS},
    "SECRET_KEY": ["short", "django-insecure-" + "x1y2z3" * 10],
    "SERVER": ["gunicorn"],
    "HOST": ["http://127.0.0.1", "127.0.0.1:80", "a b"],
    "SITE_URL": [
        *("chat.example.org", "ftp://chat.example.org", "https://", "https://chat.example.org:99999"),
        *("https://a b.org", "https://chat.example.org/?a=b", "https://me@chat.example.org", "https://[::1"),
    ],
    "EXTRA_HOSTS": ["https://a.org", "a.org:80", "a.org/x", "*.a.org"],
    "EXTRA_ORIGINS": ["a.org", "https://a.org/", "https://a.org/path", "*", "app://a.org", "https://a.org,b.org"],
    "TRUSTED_PROXIES": ["nginx", "10.0.0.0/99", "10.0.0", "127.0.0.1:80"],
    "DATABASE_URL": ["postgress://a/b", "mysql://a/b", "a.sqlite3", "postgres://a:port/b"],
    "SQLITE_SYNCHRONOUS": ["FULLL", "OFF"],
    "REDIS_URL": ["127.0.0.1:6379", "http://127.0.0.1", "redis://", "redis://a:port/0"],
    "STORAGE_URL": ["bucket", "s3://", "s3://bucket?endpont=https://a.org", "s3://bucket?endpoint=a.org", "gs://a"],
    "FILES_CDN": ["cdn.example.org", "//cdn.example.org"],
    "EMAIL_URL": ["mail.example.org", "imap://mail.example.org", "smtp://", "smtp://mail.example.org:smtp"],
    "EMAIL_FROM": ["Messenger", "Messenger <>", "a@"],
    "VAPID_PRIVATE_KEY": ["key", "-----BEGIN PRIVATE KEY-----"],
    "SIGNUP": ["opened", "invites"],
    "GOOGLE_CLIENT_ID": ["without a secret"],
    "GITHUB_CLIENT_SECRET": ["without an id"],
    "WEIXIN_CLIENT_ID": ["without a secret"],
    "GITHUB_URL": ["github.example.org"],
    "GOOGLE_TOKEN_URL": ["/token"],
    "WEIXIN_API_URL": ["weixin"],
    "TURN_URL": ["turn:turn.example.org"],  # without TURN_SECRET
    "TURN_SECRET": ["without an address"],
    "STUN_URL": ["stun.example.org", "turn:turn.example.org", "stun:a.org:port"],
    "TIME_ZONE": ["Asia/Shang", "UTC+8", "../UTC", "CST8"],
    "RATES": ["send", "send=20", "sent=20/4", "send=0/4", "send=20/0", "send=20/4;edit=1/1"],
    "LOG_LEVEL": ["LOUD", "2"],
    "LOG_FORMAT": ["yaml"],
    "SENTRY_DSN": ["key"],
}
RIGHT_VALUES = {
    "LIMITS": {"off": False, "No": False, "TRUE": True, "": True},
    "PORT": {"80": 80, " 8001 ": 8001, "": 8000},
    "HOST": {"::1": "::1", "chat.example.org": "chat.example.org"},
    "HEARTBEAT_INTERVAL": {"0.5": 0.5, "10": 10.0},
    "SERVER": {"Uvicorn": "uvicorn"},
    "SITE_URL": {"https://[::1]:8443/": "https://[::1]:8443", "http://my_host:80": "http://my_host:80"},
    "EXTRA_ORIGINS": {"https://a.org, http://b:1": ["https://a.org", "http://b:1"]},
    "TRUSTED_PROXIES": {"10.1.2.3/8,::1": ["10.1.2.3/8", "::1"]},
    "DATABASE_URL": {
        text: text for text in ("postgres://a:b@c:5432/d", "postgres:///d", "postgres://%2Fvar%2Frun/d", "sqlite:///a")
    },
    "REDIS_URL": {text: text for text in ("redis://:a%20b@c:1/0", "rediss://c", "unix:///run/redis.sock")},
    "SIGNUP": {"INVITE": "invite"},
    "STUN_URL": {"stun:a.org, stuns:b.org:443": ["stun:a.org", "stuns:b.org:443"]},
    "TIME_ZONE": {"Asia/Shanghai": "Asia/Shanghai"},
    "LOG_LEVEL": {"warning": "WARNING"},
}
SETTINGS = {"STUN_URL": "STUN_URLS", "EXTRA_ORIGINS": "CORS_ALLOWED_ORIGINS"}  # others have the variable's name


@pytest.fixture
def load_settings(monkeypatch, tmp_path):
    """Returns a function that loads the settings with these environment variables and returns them."""

    def load(**environment: str) -> dict[str, Any]:
        for name, value in {"DATA_DIR": str(tmp_path), "SECRET_KEY": SECRET, **environment}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "messenger" / "settings.py"))

    return load


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG_VALUES for value in WRONG_VALUES[name]])
def test_a_value_that_cannot_be_meant_is_refused_by_name(load_settings, name, value):
    with pytest.raises(ImproperlyConfigured, match=rf"\b{name}\b"):
        load_settings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "meant"), [(name, *pair) for name in RIGHT_VALUES for pair in RIGHT_VALUES[name].items()]
)
def test_all_ways_to_write_a_right_value_are_understood(load_settings, name, value, meant):
    assert load_settings(**{name: value})[SETTINGS.get(name, name)] == meant


def test_passwords_are_not_repeated_in_errors(load_settings):
    for name, value in {
        "DATABASE_URL": "postgres://me:hunter2@host:port/x",
        "REDIS_URL": "redis://:hunter2@host:port",
        "EMAIL_URL": "smtp://me:hunter2@host:port",
        "SENTRY_DSN": "https://hunter2@host:port/1",
    }.items():
        with pytest.raises(ImproperlyConfigured) as error:
            load_settings(**{name: value})
        assert "hunter2" not in str(error.value), name


def test_the_user_and_password_of_the_mail_server_may_contain_escaped_signs(load_settings):
    settings = load_settings(EMAIL_URL="smtp+tls://me%40example.org:a%2Fb@mail.example.org:587")
    assert (settings["EMAIL_HOST_USER"], settings["EMAIL_HOST_PASSWORD"]) == ("me@example.org", "a/b")


def test_each_variable_of_the_manual_is_tried():
    variables = set(
        re.findall(
            r"`([A-Z][A-Z0-9_]+)`",
            "\n".join(re.findall(r"^\| (`.*?) \|", (ROOT / "docs" / "running.md").read_text(), re.M)),
        )
    )
    any_text = {"DATA_DIR", "AUDIT_HEADS", "SITE_NAME", "METRICS_TOKEN"}
    second = {"GOOGLE_CLIENT_SECRET", "GITHUB_CLIENT_ID", "WEIXIN_CLIENT_SECRET"}  # their pair is tried
    same_rule = {
        *("GOOGLE_AUTHORIZE_URL", "GOOGLE_CERTS_URL", "GOOGLE_IDENTITY_URL", "GOOGLE_ISSUER", "WEIXIN_AUTHORIZE_URL"),
    }
    assert variables - set(WRONG_VALUES) - any_text - second - same_rule == set()
