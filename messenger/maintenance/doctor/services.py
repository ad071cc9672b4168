"""Checks of the services that the site uses: database, Redis, storage of files, mail, TURN, push, worker."""

from __future__ import annotations

import secrets
import smtplib
import ssl
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.mail import get_connection
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.auth.mfa import is_readable
from messenger.maintenance.archive import unknown_migrations
from messenger.maintenance.doctor import Check, Finding, clocks, error, ok, one_line, warning
from messenger.maintenance.doctor.turn import UNAUTHORIZED, TurnError, check_relay

MIN_REDIS_VERSION = (6, 2)
OLDEST_TASK = timedelta(minutes=5)


# ── Database ─────────────────────────────────────────────────────────────────────────────────────────────────────
def check_database() -> Iterator[Finding]:
    try:
        connection.ensure_connection()
        if connection.vendor == "postgresql":
            yield from _postgresql()
        else:
            yield from _sqlite()
    except DatabaseError as exception:
        where = settings.DATABASES["default"].get("HOST") or connection.settings_dict["NAME"]
        yield error("database", f"{where}: {one_line(exception)}", "Start the database, or correct DATABASE_URL.")
        return
    yield from _migrations()
    yield from _worker()
    yield from _second_factors()


def _postgresql() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), current_setting('max_connections')::int,"
            " current_setting('fsync'), current_setting('synchronous_commit'), pg_is_in_recovery(),"
            " extract(epoch FROM clock_timestamp())::float8, pg_encoding_to_char(encoding)"
            " FROM pg_database WHERE datname = current_database()"
        )
        version, most, fsync, synchronous, is_replica, now, encoding = cursor.fetchone()
        yield from _parameters(cursor)
    yield from clocks.compare("PostgreSQL", now)
    if is_replica:
        yield error("database", "this PostgreSQL server is a read-only replica", "Point DATABASE_URL to the primary.")
    if encoding != "UTF8":
        yield error("database", f"its encoding is {encoding}", "Create the database with ENCODING 'UTF8'.")
    if "off" in (fsync, synchronous):
        yield warning(
            "database",
            "fsync or synchronous_commit is off: a power failure may lose acknowledged messages",
            "Turn both on in postgresql.conf.",
        )
    pool = int(connection.settings_dict["OPTIONS"].get("pool", {}).get("max_size", 20))
    processes = settings.WEB_CONCURRENCY
    if pool * processes + settings.WORKER_JOBS + 3 > most:  # 3 are reserved for administrators
        yield warning(
            "database",
            f"max_connections is {most}, and {processes} × DATABASE_POOL={pool} and the worker may need more",
            "Raise max_connections, or lower DATABASE_POOL.",
        )
    yield ok("database", f"PostgreSQL {version}")


def _parameters(cursor: Any) -> Iterator[Finding]:
    """Checks that sessions have the time limits of the settings. Through pgbouncer the application cannot set them."""
    cursor.execute(
        "SELECT current_user, current_database(), array_agg(name::text) FROM pg_settings"
        " JOIN unnest(%s::text[], %s::text[]) AS wanted (name, value) USING (name)"
        " WHERE setting::text <> regexp_replace(wanted.value, 'ms$', '')",
        [list(settings.POSTGRES_PARAMETERS), list(settings.POSTGRES_PARAMETERS.values())],
    )
    role, database, different = cursor.fetchone()
    if different:
        alter = f"ALTER ROLE {connection.ops.quote_name(role)} IN DATABASE {connection.ops.quote_name(database)}"
        values = {name: settings.POSTGRES_PARAMETERS[name] for name in sorted(different)}
        yield warning(
            "database",
            f"sessions do not have the limits of the settings: {', '.join(values)}",
            "Run in psql: " + " ".join(f"{alter} SET {name} = '{value}';" for name, value in values.items()),
        )


def _sqlite() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        mode = cursor.fetchone()[0]
        cursor.execute("BEGIN IMMEDIATE")  # fails if the file cannot be written or stays locked
        cursor.execute("ROLLBACK")
        cursor.execute("SELECT sqlite_version()")
        version = cursor.fetchone()[0]
    if mode != "wal":
        yield error(
            "database", f"the journal mode is {mode}, not WAL", "Put DATA_DIR on a local disk, not on a network drive."
        )
    yield ok("database", f"SQLite {version}, {connection.settings_dict['NAME']}")


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        migration = plan[0][0]
        yield error(
            "migrations", f"{len(plan)} are not applied, such as {migration}", "Back up, then run: messenger migrate"
        )
        return
    if unknown := unknown_migrations([".".join(key) for key in executor.loader.applied_migrations]):
        yield error(
            "migrations",
            f"the database is of a newer version ({unknown[-1]})",
            "Install that version, or restore a backup of this one.",
        )
    else:
        yield ok("migrations", "all are applied")


def _second_factors() -> Iterator[Finding]:
    factors = Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN)
    if Authenticator._meta.db_table not in connection.introspection.table_names():
        return
    unreadable = {factor.user_id for factor in factors.iterator() if not is_readable(factor)}
    if unreadable:
        yield error(
            "second factors",
            f"those of {len(unreadable)} accounts cannot be read: SECRET_KEY is not the one that they were stored with",
            "Restore that key, or run for each: messenger remove_second_factors NAME",
        )
    else:
        yield ok("second factors", "can be read")


def _worker() -> Iterator[Finding]:
    if DBTaskResult._meta.db_table not in connection.introspection.table_names():
        return
    waiting = DBTaskResult.objects.filter(status=TaskResultStatus.READY, run_after__lt=timezone.now() - OLDEST_TASK)
    waiting = waiting.filter(enqueued_at__lt=timezone.now() - OLDEST_TASK)
    if count := waiting.count():
        yield error(
            "worker",
            f"{count} background tasks, such as mails, wait for more than five minutes",
            "Start a worker (messenger worker), or set WORKER=on. If one runs, its log says what it does.",
        )
    else:
        yield ok("worker", "no background task waits")


# ── Redis ────────────────────────────────────────────────────────────────────────────────────────────────────────
def check_redis() -> Iterator[Finding]:
    if not settings.REDIS_URL:
        yield ok("Redis", "is not used: there is one process")
        return
    import redis

    host = urlsplit(settings.REDIS_URL).hostname
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3, socket_connect_timeout=3) as client:
            info: Any = client.info()
            seconds, microseconds = client.time()
            client.set("messenger:doctor", "1", ex=1)
    except (redis.RedisError, ValueError) as exception:
        yield error("Redis", f"{host}: {one_line(exception)}", "Start Redis, or correct REDIS_URL.")
        return
    yield from clocks.compare("Redis", seconds + microseconds / 1e6)
    version = info["redis_version"]
    if tuple(int(part) for part in version.split(".")[:2]) < MIN_REDIS_VERSION:
        yield error("Redis", f"version {version} is too old", "Use Redis 6.2 or later.")
    if info.get("redis_mode") == "cluster":
        yield error("Redis", "it is a cluster", "Use a single server, with or without replicas.")
    if (limit := info.get("maxmemory", 0)) and info["used_memory"] > 0.9 * limit:
        yield error("Redis", "its memory is used up", "Raise maxmemory, or find out what else is stored there.")
    yield ok("Redis", f"version {version}")


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────
def check_storage() -> Iterator[Finding]:
    """Writes, reads and deletes a small file."""
    name, content = f"doctor-{secrets.token_hex(8)}", b"written by `messenger doctor`"
    where = urlsplit(settings.STORAGE_URL).netloc if settings.STORAGE_URL else str(settings.DATA_DIR / "media")
    advice = (
        "Check STORAGE_URL and the keys; they must allow to put, get, list and delete objects."
        if settings.STORAGE_URL
        else "The user of the server must own the folder."
    )
    try:
        stored = default_storage.save(name, ContentFile(content))
        try:
            with default_storage.open(stored) as file:
                same = file.read() == content
        finally:
            default_storage.delete(stored)
        if settings.STORAGE_URL:
            yield from _s3_clock()
    except Exception as exception:  # boto3 raises many kinds
        yield error("storage", f"{where}: {one_line(exception)}", advice)
        return
    if same:
        yield ok("storage", f"files can be written to {where}")
    else:
        yield error("storage", f"{where} returns other bytes than were written", "Check the server of the bucket.")


def _s3_clock() -> Iterator[Finding]:
    storage: Any = default_storage
    response = storage.connection.meta.client.head_bucket(Bucket=storage.bucket_name)
    if date := response["ResponseMetadata"]["HTTPHeaders"].get("date"):
        yield from clocks.compare("the storage", parsedate_to_datetime(date).timestamp(), resolution=1)


# ── Mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def check_mail() -> Iterator[Finding]:
    """Connects to the mail server and signs in, without sending anything."""
    if not settings.EMAIL_URL:
        yield ok("mail", "is printed to the log, because EMAIL_URL is not set")
        return
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        backend = get_connection(settings.MAIL_BACKEND)
        backend.open()
        backend.close()
    except smtplib.SMTPAuthenticationError as exception:
        text = exception.smtp_error
        reason = text.decode(errors="replace") if isinstance(text, bytes) else text
        yield error("mail", f"{where} refuses user name or password: {reason}", "Correct them in EMAIL_URL.")
    except ssl.SSLError as exception:
        yield error(
            "mail", f"{where}: {one_line(exception)}", "Use smtps:// for port 465 and smtp+tls:// for port 587."
        )
    except (OSError, smtplib.SMTPException) as exception:
        yield error("mail", f"{where}: {one_line(exception)}", "Correct EMAIL_URL. Hosters often block port 25.")
    else:
        yield ok("mail", f"{where} accepts connections")


# ── Calls and push messages, if this version has them ────────────────────────────────────────────────────────────
def check_turn() -> Iterator[Finding]:
    for url in getattr(settings, "TURN_URLS", []):
        try:
            check_relay(url, getattr(settings, "TURN_SECRET", ""))
        except TurnError as refusal:
            advice = "TURN_SECRET must be the static-auth-secret of coturn, which needs use-auth-secret and a realm."
            if refusal.code != UNAUTHORIZED:
                advice = "See the log of the TURN server, and correct TURN_URL."
            yield error("TURN", f"{url} refuses: {refusal}", advice)
        except OSError as exception:
            yield error(
                "TURN",
                f"{url}: {one_line(exception)}",
                "Start coturn, and open its port and its relay ports (UDP 49152–65535) in the firewall.",
            )
        else:
            yield ok("TURN", f"{url} relays")


def check_push() -> Iterator[Finding]:
    key = getattr(settings, "VAPID_PRIVATE_KEY", None)
    if key is None:
        return
    if key or (settings.DATA_DIR / "vapid_private_key").exists():
        yield ok("push", "has a key")
    else:
        yield warning("push", "is off, because there is no key", "Run: messenger vapid_keys")


CHECKS: list[tuple[str, Check]] = [
    ("database", check_database),
    ("Redis", check_redis),
    ("storage", check_storage),
    ("mail", check_mail),
    ("TURN", check_turn),
    ("push", check_push),
]
