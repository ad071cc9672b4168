"""System checks of the settings. They report errors for settings that cannot work, and warnings for insecure settings.

`manage.py check`, `migrate` and `runserver` run the checks. `check --deploy` also runs the checks for production.
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

from messenger.core import file_descriptors

SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"
MIN_SQLITE_VERSION = (3, 35)  # the first with INSERT … RETURNING
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# Environment variables from which boto3 gets S3 keys. A machine that has a role in AWS needs none of these variables.
S3_KEY_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_S3_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@register()
def check_services(**_kwargs: object) -> list[CheckMessage]:
    return [*_database(), *_processes(), *_storage(), *_file_descriptors()]


def raise_for_misconfigured_services() -> None:
    """Raises ImproperlyConfigured if the settings for the database or for several server processes cannot work.

    The server calls this function at its start, because it does not run Django's checks. Otherwise a misconfigured
    server could start and lose messages.
    """
    if errors := [message for message in check_services() if message.is_serious()]:
        raise ImproperlyConfigured("\n".join(f"{message.msg} {message.hint or ''}" for message in errors))


@register(Tags.security)
def check_security(**_kwargs: object) -> list[CheckMessage]:
    return [*_limits(), *_address(), *_proxies()]


@register(Tags.security, deploy=True)
def check_production(**_kwargs: object) -> list[CheckMessage]:
    return [*_mail()]


def database_engine() -> str:
    return settings.DATABASES["default"]["ENGINE"]


# ── Services ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _database() -> Iterator[CheckMessage]:
    engine = database_engine()
    if engine not in {SQLITE, POSTGRESQL}:
        yield Error(
            f"DATABASE_URL is neither a PostgreSQL nor a SQLite database: {engine}.",
            hint="Use postgres://…, or remove DATABASE_URL.",
            id="messenger.E001",
        )
    if engine == SQLITE and sqlite3.sqlite_version_info < MIN_SQLITE_VERSION:
        yield Error(
            f"SQLite {sqlite3.sqlite_version} is too old: messages are stored with INSERT … RETURNING.",
            hint="Use a Python with SQLite 3.35 or later, or PostgreSQL.",
            id="messenger.E002",
        )


def _processes() -> Iterator[CheckMessage]:
    processes = settings.WEB_CONCURRENCY
    if settings.SERVER != "uvicorn" or processes == 1:
        return
    if not settings.REDIS_URL:
        yield Error(
            f"{processes} processes without Redis: none of them could deliver events to the users of the others.",
            hint="Set REDIS_URL, or WEB_CONCURRENCY=1.",
            id="messenger.E003",
        )
    if database_engine() == SQLITE:
        yield Error(
            f"{processes} processes on one SQLite file: they would block each other with every message.",
            hint="Set DATABASE_URL to PostgreSQL, or WEB_CONCURRENCY=1.",
            id="messenger.E004",
        )


def _storage() -> Iterator[CheckMessage]:
    if settings.STORAGE_URL and not any(os.environ.get(name) for name in S3_KEY_VARIABLES):
        yield Warning(
            "STORAGE_URL is set, but no variable contains keys for it.",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, unless this machine has a role that provides them.",
            id="messenger.W001",
        )


def _file_descriptors() -> Iterator[CheckMessage]:
    file_descriptors.raise_limit()  # as the server does at its start
    limit = file_descriptors.get_limit()
    if 0 < limit < file_descriptors.RECOMMENDED_LIMIT:
        yield Warning(
            f"This process may open {limit} files and sockets, and each connected user needs one.",
            hint=f"Raise the limit to {file_descriptors.RECOMMENDED_LIMIT} or more: `ulimit -Hn`, or LimitNOFILE= in a"
            " systemd unit.",
            id="messenger.W008",
        )


# ── Security ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _limits() -> Iterator[CheckMessage]:
    if not settings.LIMITS:
        yield Warning(
            "LIMITS is off: messages, password attempts and connections are not limited.",
            hint="Only for tests and benchmarks.",
            id="messenger.W002",
        )


def _address() -> Iterator[CheckMessage]:
    site = urlsplit(settings.SITE_URL)
    if site.path or site.query:
        yield Error(
            f"SITE_URL is {settings.SITE_URL}: the site must be at the root of its host.",
            hint="Use a separate host, such as https://chat.example.org.",
            id="messenger.E005",
        )
    if site.hostname in LOOPBACK:
        return
    if not settings.SECURE:
        yield Warning(
            f"SITE_URL is {settings.SITE_URL}: passwords, tokens and messages cross the network in plain text.",
            hint="Serve it over https, for example with a reverse proxy: see docs/running.md.",
            id="messenger.W003",
        )
    if settings.DEBUG:
        yield Warning(
            "DEBUG is on at a public address: error pages show settings and code to everybody.",
            hint="DEBUG=on belongs on localhost.",
            id="messenger.W004",
        )


def _proxies() -> Iterator[CheckMessage]:
    for name in settings.TRUSTED_PROXIES:
        try:
            network = ip_network(name, strict=False)
        except ValueError:
            yield Error(
                f"TRUSTED_PROXIES contains {name!r}, which is neither an address nor a network.",
                hint="For example 127.0.0.1, or 10.0.0.0/8.",
                id="messenger.E006",
            )
            continue
        if network.prefixlen == 0:
            yield Warning(
                f"TRUSTED_PROXIES contains {name}: every client could choose its own address.",
                hint="Use the address of the proxy, or a network that contains only proxies.",
                id="messenger.W005",
            )
    if settings.SECURE and not settings.TRUSTED_PROXIES:
        yield Warning(
            "SITE_URL is https and TRUSTED_PROXIES is empty: behind a proxy every page would redirect to itself.",
            hint="Set it to the address of the proxy. Not needed if the server itself speaks TLS.",
            id="messenger.W006",
        )


def _mail() -> Iterator[CheckMessage]:
    if not settings.EMAIL_URL:
        yield Warning(
            "EMAIL_URL is not set: mails, including password reset links, are printed to the log of the server.",
            hint="Set it, for example to smtp+tls://user:password@mail.example.org:587.",
            id="messenger.W007",
        )
