"""Runs the programs of PostgreSQL: pg_dump, pg_restore and psql. Passwords are passed in the environment, where other
users of the machine cannot see them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import IO, Any

from django.db import connection

from messenger.maintenance.archive import BackupError


def start(program: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """Starts a program of PostgreSQL, connected to the database of the site."""
    if shutil.which(program) is None:
        raise BackupError(f"{program} is not installed. It is in the package postgresql-client of most systems.")
    return subprocess.Popen(
        [program, *arguments], env={**os.environ, **_environment()}, stderr=subprocess.PIPE, **options
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    """Waits for the end of a program. Raises BackupError with its messages if it failed."""
    errors = process.communicate()[1].decode(errors="replace").strip()
    if process.returncode:
        raise BackupError(f"A program of PostgreSQL failed: {errors}")


def dump(target: IO[bytes]) -> None:
    """Writes the database of the site to a file, in the custom format of pg_dump. It is a consistent snapshot."""
    finish(start("pg_dump", "--format=custom", "--no-owner", "--no-privileges", stdout=target))


def _environment() -> dict[str, str]:
    """Returns the environment variables of libpq that describe the database of the site."""
    # The options of the site, such as its time limits of statements, are for its own connections.
    parameters = {**connection.get_connection_params(), "options": ""}
    names = {"dbname": "PGDATABASE", "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    names |= {name: f"PG{name.upper()}" for name in ("sslmode", "sslcert", "sslkey", "sslrootcert", "service")}
    return {names[name]: str(value) for name, value in parameters.items() if name in names and value}
