"""Checks at the start of a server whether the database and the static files fit the installed version.

A server that does not start is seen at once, and in a rolling upgrade the processes of the old version go on.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

_MIGRATE = "manage.py migrate"
_COLLECT = "manage.py collectstatic --no-input"


def exit_if_unprepared() -> None:
    """Ends the process with a message that names the command to run, if a command of the upgrade was left out."""
    reasons = [*find_missing_migrations(), *find_missing_static_files()]
    if hasattr(connection, "close_pool"):
        connection.close_pool()  # uvicorn may start other processes, which have pools of their own
    if reasons:
        sys.exit("\n".join(f"bin/serve: {reason}" for reason in reasons))


def find_missing_migrations() -> Iterator[str]:
    """Yields a sentence if migrations of this version have not run. Yields nothing while the database is down."""
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except DatabaseError:
        return  # the server answers `unavailable` until the database is back
    finally:
        connection.close()
    if missing := sorted(_list_migrations() - applied):
        names = ", ".join(f"{app}.{name}" for app, name in missing[:3]) + (", …" if len(missing) > 3 else "")
        count = "1 migration is" if len(missing) == 1 else f"{len(missing)} migrations are"
        yield f"{count} missing in the database ({names}). Run: {_MIGRATE}"


def _list_migrations() -> set[tuple[str, str]]:
    """Returns the (app, name) of all migrations of this version. Their modules are not imported, which takes longer."""
    found = set()
    for config in apps.get_app_configs():
        module, _is_explicit = MigrationLoader.migrations_module(config.label)
        folder = Path(config.path) / "migrations"
        if module == f"{config.name}.migrations" and folder.is_dir():
            names = (path.stem for path in folder.glob("*.py"))
            found |= {(config.label, name) for name in names if name[0] not in "_~"}
    return found


def find_missing_static_files() -> Iterator[str]:
    """Yields a sentence if the static files of this version were not collected. With DEBUG, sources are served."""
    if settings.DEBUG:
        return
    try:
        collected = json.loads((Path(settings.STATIC_ROOT) / "staticfiles.json").read_text())["paths"]
    except (OSError, ValueError, KeyError):
        yield f"the static files were not collected in {settings.STATIC_ROOT}. Run: {_COLLECT}"
        return
    for folder in map(Path, settings.STATICFILES_DIRS):
        for parent, _folders, files in os.walk(folder):
            for file in files:
                name = (Path(parent) / file).relative_to(folder).as_posix()
                if name not in collected and not file.startswith("."):
                    yield f"the static files in {settings.STATIC_ROOT} are those of another version. Run: {_COLLECT}"
                    return
