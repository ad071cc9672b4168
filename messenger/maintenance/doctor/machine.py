"""Checks of the settings and of this machine."""

from __future__ import annotations

import os
import pwd
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks

from chat.attachments.storage.disk import RESERVED_BYTES
from messenger.assets.bundles import DESCRIPTION
from messenger.maintenance.doctor import Check, Finding, error, ok, warning

FEW_FILES = 4096  # open files: each connection needs one
LITTLE_SPACE = 2 * 1024**3  # bytes
# Warnings of Django about cookies and redirects without https. The settings derive all of them from SITE_URL, and our
# own check names it.
OF_PLAIN_HTTP = {"security.W004", "security.W008", "security.W012", "security.W016"}


def check_settings() -> Iterator[Finding]:
    """Runs Django's system checks, also those for production, with our own (messenger/checks.py)."""
    messages = [
        message
        for message in checks.run_checks(include_deployment_checks=not settings.DEBUG)
        if not message.is_silenced() and not (message.id in OF_PLAIN_HTTP and not settings.SECURE)
    ]
    for message in messages:
        make = error if message.level >= checks.ERROR else warning
        yield make("settings", f"{message.msg} ({message.id})", message.hint or "See docs/running.md.")
    if settings.DEBUG:
        yield warning("settings", "DEBUG is on", "Turn it off, unless this is a development machine.")
    if not messages:
        yield ok("settings", f"{settings.SITE_URL}, {settings.SERVER}")


def check_secret_key() -> Iterator[Finding]:
    file = settings.DATA_DIR / "secret_key"
    if os.environ.get("SECRET_KEY"):
        yield ok("SECRET_KEY", "is set")
    elif file.exists() and file.stat().st_mode & 0o077:
        yield error("SECRET_KEY", f"other users of this machine can read {file}", f"Run: chmod 600 {file}")
    else:
        yield ok("SECRET_KEY", f"is in {file}, for development")


def check_data_folder() -> Iterator[Finding]:
    folder = settings.DATA_DIR
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield error(
            "data folder", f"{folder} cannot be written", "Set DATA_DIR to a folder that the user of the server owns."
        )
        return
    if (owner := folder.stat().st_uid) != os.geteuid():
        yield warning(
            "data folder",
            f"{folder} belongs to {_user_name(owner)}, and this command runs as {_user_name(os.geteuid())}",
            f"Run all commands as {_user_name(owner)}, or the server cannot read what they write.",
        )
    if folder.stat().st_mode & 0o007:
        yield warning("data folder", f"all users of this machine can read {folder}", f"Run: chmod o-rwx {folder}")
    free = shutil.disk_usage(folder).free
    text = f"{free / 1024**3:.1f} GB are free in {folder}"
    if free < RESERVED_BYTES:
        yield error("data folder", f"{text}: uploads are refused", "Free space, or move DATA_DIR to a larger disk.")
    elif free < LITTLE_SPACE:
        yield warning("data folder", text, "Free space, or move DATA_DIR to a larger disk.")
    else:
        yield ok("data folder", text)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # usual in containers
        return str(uid)


def check_static_files() -> Iterator[Finding]:
    if settings.DEBUG:
        yield ok("static files", "are served from their sources, because DEBUG is on")
        return
    command = "Run: messenger collectstatic --no-input"
    collected = getattr(staticfiles_storage, "hashed_files", {})
    if not collected:
        yield error("static files", f"are not in {settings.STATIC_ROOT}: pages cannot be shown", command)
        return
    names = [name for finder in finders.get_finders() for name, _storage in finder.list([])]
    missing = [name for name in names if name not in collected]
    missing += [name for name in collected.values() if not (Path(settings.STATIC_ROOT) / name).exists()]
    if missing:
        yield error("static files", f"{len(missing)} are missing, such as {missing[0]}", command)
    else:
        yield ok("static files", f"{len(collected)} are in {settings.STATIC_ROOT}")
        if DESCRIPTION not in collected:
            yield warning(
                "static files",
                "the scripts are not bundled: the first page of a browser loads over a hundred files",
                'See "Scripts in few files" in docs/running.md.',
            )


def check_limits() -> Iterator[Finding]:
    files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < FEW_FILES:
        yield warning(
            "limits",
            f"a process may open {files} files: about {max(files - 100, 0)} people can be connected to it",
            f"Set LimitNOFILE=65536 in the systemd unit, or run: ulimit -n {hard if hard > files else 65536}",
        )
    else:
        yield ok("limits", f"a process may open {files} files")
    queue = Path("/proc/sys/net/core/somaxconn")
    if queue.exists() and int(queue.read_text()) < 512:
        yield warning(
            "limits",
            f"{int(queue.read_text())} connections may wait to be accepted: too few when everybody reconnects",
            "Run: sysctl -w net.core.somaxconn=4096",
        )


CHECKS: list[tuple[str, Check]] = [
    ("settings", check_settings),
    ("SECRET_KEY", check_secret_key),
    ("data folder", check_data_folder),
    ("static files", check_static_files),
    ("limits", check_limits),
]
