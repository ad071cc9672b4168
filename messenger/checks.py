"""System checks: combinations of variables that cannot work (errors), or should not be served to others (warnings).

`manage.py check` runs them, as do `migrate` and `runserver`; `check --deploy` those for production as well.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"
OLDEST_SQLITE = (3, 35)  # INSERT … RETURNING
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# Where boto3 looks for keys, or for what gives it some. A role of the machine itself it finds without any of these.
S3_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_S3_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@register()
def engines(**_kwargs: object) -> list[CheckMessage]:
    return [*_database(), *_processes(), *_storage()]


def refuse_what_cannot_work() -> None:
    """For the server, which runs no checks by itself: better no start than messages that do not arrive."""
    if errors := [message for message in engines() if message.is_serious()]:
        raise ImproperlyConfigured("\n".join(f"{message.msg} {message.hint or ''}" for message in errors))


@register(Tags.security)
def safety(**_kwargs: object) -> list[CheckMessage]:
    return [*_limits(), *_address(), *_proxies()]


@register(Tags.security, deploy=True)
def production(**_kwargs: object) -> list[CheckMessage]:
    return [*_mail()]


def database_engine() -> str:
    return settings.DATABASES["default"]["ENGINE"]


# ── Engines ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _database() -> Iterator[CheckMessage]:
    engine = database_engine()
    if engine not in {SQLITE, POSTGRESQL}:
        yield Error(
            f"DATABASE_URL names a database that is neither PostgreSQL nor SQLite: {engine}.",
            hint="Use postgres://…, or leave it out.",
            id="messenger.E001",
        )
    if engine == SQLITE and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        yield Error(
            f"SQLite {sqlite3.sqlite_version} is too old: messages are stored with INSERT … RETURNING.",
            hint="Use a Python that is built with SQLite 3.35 or later, or PostgreSQL.",
            id="messenger.E002",
        )


def _processes() -> Iterator[CheckMessage]:
    processes = os.environ.get("WEB_CONCURRENCY", "1").strip()
    if settings.SERVER != "uvicorn" or processes in {"", "0", "1"}:
        return
    if not settings.REDIS_URL:
        yield Error(
            f"{processes} processes without Redis: none of them would tell the others' people anything.",
            hint="Set REDIS_URL, or WEB_CONCURRENCY=1.",
            id="messenger.E003",
        )
    if database_engine() == SQLITE:
        yield Error(
            f"{processes} processes on one SQLite file: they would keep each other waiting for every message.",
            hint="Set DATABASE_URL to PostgreSQL, or WEB_CONCURRENCY=1.",
            id="messenger.E004",
        )


def _storage() -> Iterator[CheckMessage]:
    if settings.STORAGE_URL and not any(os.environ.get(name) for name in S3_KEYS):
        yield Warning(
            "STORAGE_URL is set, and no variable holds keys for it.",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, unless this machine has a role that gives them.",
            id="messenger.W001",
        )


# ── Safety ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _limits() -> Iterator[CheckMessage]:
    if not settings.LIMITS:
        yield Warning(
            "LIMITS is off: anybody may send, guess passwords and connect as fast as they can.",
            hint="Only for tests and benchmarks.",
            id="messenger.W002",
        )


def _address() -> Iterator[CheckMessage]:
    site = urlsplit(settings.SITE_URL)
    if site.path or site.query:
        yield Error(
            f"SITE_URL is {settings.SITE_URL}: the site has to live at the root of its address.",
            hint="Give it a host of its own, such as https://chat.example.org.",
            id="messenger.E005",
        )
    if site.hostname in LOOPBACK:
        return
    if not settings.SECURE:
        yield Warning(
            f"SITE_URL is {settings.SITE_URL}: passwords, tokens and messages cross the network in plain text.",
            hint="Serve it over https. A proxy in front does that: see docs/running.md.",
            id="messenger.W003",
        )
    if settings.DEBUG:
        yield Warning(
            "DEBUG is on at an address that others can reach: errors show them the settings and the code.",
            hint="DEBUG=on belongs on localhost.",
            id="messenger.W004",
        )


def _proxies() -> Iterator[CheckMessage]:
    for name in settings.TRUSTED_PROXIES:
        try:
            network = ip_network(name, strict=False)
        except ValueError:
            yield Error(
                f"TRUSTED_PROXIES names {name!r}, which is no address and no network.",
                hint="For example 127.0.0.1, or 10.0.0.0/8.",
                id="messenger.E006",
            )
            continue
        if network.prefixlen == 0:
            yield Warning(
                f"TRUSTED_PROXIES holds {name}: anybody may say from which address they come.",
                hint="Name the proxy's own address, or the network that only proxies are in.",
                id="messenger.W005",
            )
    if settings.SECURE and not settings.TRUSTED_PROXIES:
        yield Warning(
            "SITE_URL is https and TRUSTED_PROXIES is empty: behind a proxy every page would redirect to itself.",
            hint="Name the proxy's address. No need where the server itself speaks TLS.",
            id="messenger.W006",
        )


def _mail() -> Iterator[CheckMessage]:
    if not settings.EMAIL_URL:
        yield Warning(
            "EMAIL_URL is not set: mails, and with them links that reset passwords, are printed into the server's log.",
            hint="Set it, for example to smtp+tls://user:password@mail.example.org:587.",
            id="messenger.W007",
        )
