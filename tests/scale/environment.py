"""Sets up the measurements: one database with signed-in users, and two servers that share one processor core."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from chat.payloads import SendPayload
from tests.databases import ROOT, production_environment
from tests.servers import Server, Site
from tests.services import PostgresDatabases

SERVER_CORE, CLIENT_CORE = 0, 1
GROUP_SIZE, TEAM_SIZE, TEAMS = 100, 20, 25
ADDED_AT_ONCE = 500  # the most people that an action accepts


@contextlib.contextmanager
def on_core(core: int) -> Iterator[bool]:
    """Context manager that pins this process and the processes that it starts to one processor core.

    Yields False if the operating system does not allow this.
    """
    if not hasattr(os, "sched_setaffinity") or core not in (before := os.sched_getaffinity(0)):
        yield False
        return
    os.sched_setaffinity(0, {core})
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)


class PinnedServer(Server):
    """A server process started as in production. It may only use the processor core that is meant for servers."""

    use_fork_server = False

    def popen_options(self) -> dict:
        return {**super().popen_options(), "preexec_fn": _to_server_core}

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def memory_bytes(self) -> int:
        """Returns how much memory the server process uses (resident set size), in bytes."""
        return psutil.Process(self.pid).memory_info().rss

    def cpu_seconds(self) -> float:
        """Returns how many seconds of processor time the server process has used so far."""
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system


def _to_server_core() -> None:
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {SERVER_CORE})


class TutorialServer(PinnedServer):
    """A server process with the same options as the messenger's, but with the application of the Channels tutorial."""

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "DJANGO_SETTINGS_MODULE": "tests.scale.tutorial.settings"}


@dataclass
class Environment:
    """The users, conversations and running servers of a measurement.

    `cookies[i]` is the session cookie of the user with the id `user_ids[i]`. `group` is a group of the first hundred
    users, `teams` are groups of users 0 to 19, 20 to 39 and so on, and `pairs` are direct conversations of users 0 and
    1, 2 and 3 and so on.
    """

    site: Site
    user_ids: list[int]
    cookies: list[str]
    group: int
    teams: list[int]
    pairs: list[int]
    servers: dict[str, PinnedServer] = field(default_factory=dict)

    def add_messages(self, count: int) -> None:
        """Stores `count` more messages in the conversation `group`.

        Writes them to the database, without using a server.
        """
        from chat.actions.sending import SendCommand, send_many

        with self.site.orm():
            for start in range(0, count, 200):
                bodies = [
                    f"Something that was said, number {number}" for number in range(start, min(start + 200, count))
                ]
                send_many(
                    [SendCommand(self.user_ids[0], SendPayload(self.group, uuid.uuid4(), body)) for body in bodies]
                )


@contextlib.contextmanager
def start_environment(
    folder: Path,
    server: str,
    postgres: PostgresDatabases | None = None,
    user_count: int = 1000,
    unblocked: Callable[[], AbstractContextManager] = contextlib.nullcontext,
) -> Iterator[Environment]:
    """Context manager that starts our server and the tutorial's server on one database, and yields an `Environment`.

    `server` is "daphne" or "uvicorn". The database is a new one on the server `postgres`, or SQLite if this is None.
    Tests pass `django_db_blocker.unblock` as `unblocked`, since pytest-django otherwise blocks access to the database.
    """
    site = Site(folder, postgres, "", False, unblocked, {"SERVER": server})
    try:
        _make_tutorial_table(site)
        with site.orm():
            environment = create_data(site, user_count)
        for name, kind in (("ours", PinnedServer), ("tutorial", TutorialServer)):
            environment.servers[name] = kind(site, None, {})
            site.servers.append(environment.servers[name])
            environment.servers[name].start()
        yield environment
    finally:
        site.end()


def _make_tutorial_table(site: Site) -> None:
    environment = {**site.environment, "DJANGO_SETTINGS_MODULE": "tests.scale.tutorial.settings"}
    command = [sys.executable, "manage.py", "migrate", "--no-input", "--run-syncdb", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=production_environment(**environment), check=True, timeout=120)


def create_data(site: Site, count: int, group_size: int = GROUP_SIZE) -> Environment:
    """Stores `count` signed-in users with their conversations; the group has `group_size` members."""
    from accounts.models import User
    from chat import actions

    User.objects.bulk_create(
        User(username=f"reader{number}", name=f"Reader {number}", password="!unusable", me_version=1)
        for number in range(count)
    )
    users = list(User.objects.order_by("pk"))
    ids = [user.pk for user in users]
    pairs = _open_pairs(ids)
    group = actions.create_group(ids[0], "Everybody", ids[1 : min(group_size, ADDED_AT_ONCE)]).id
    for start in range(ADDED_AT_ONCE, group_size, ADDED_AT_ONCE):
        actions.add_members(ids[0], group, ids[start : min(start + ADDED_AT_ONCE, group_size)])
    starts = range(0, min(count, TEAMS * TEAM_SIZE), TEAM_SIZE)
    teams = [actions.create_group(ids[start], "Team", ids[start + 1 : start + TEAM_SIZE]).id for start in starts]
    return Environment(site, ids, _sign_in(users), group, teams, pairs)


def _open_pairs(ids: list[int]) -> list[int]:
    """Creates a direct conversation of users 0 and 1, of users 2 and 3 and so on. Returns the ids of the conversations.

    The rows are the same as from `actions.open_direct_conversation`, but two SQL statements insert all of them.
    """
    from django.utils import timezone

    from chat.models import Conversation, Membership

    now = timezone.now()
    pairs = list(zip(ids[::2], ids[1::2], strict=False))
    fields = {"created_at": now, "active_at": now, "version": 1, "info_version": 1}
    rows = Conversation.objects.bulk_create(
        Conversation(kind=Conversation.Kind.DIRECT, pair=f"{one}:{other}", member_count=2, **fields)
        for one, other in pairs
    )
    Membership.objects.bulk_create(
        Membership(conversation=row, user_id=user_id, joined_at=now, version=1, me_version=1)
        for row, pair in zip(rows, pairs, strict=True)
        for user_id in pair
    )
    return [row.pk for row in rows]


def _sign_in(users: list) -> list[str]:
    """Creates a browser session for each user and returns the session cookies.

    Our messenger and the tutorial's application both accept these cookies.
    """
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    from accounts.auth.sign_ins import SIGN_IN_SESSION_KEY
    from accounts.models import SignIn

    ends = timezone.now() + timezone.timedelta(days=1)
    store, sign_ins, sessions, cookies = SessionStore(), [], [], []
    for user in users:
        key = uuid.uuid4().hex
        sign_in = SignIn(user=user, kind=SignIn.Kind.BROWSER, stamp=user.sign_in_stamp(), session_key=key)
        data = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            SIGN_IN_SESSION_KEY: str(sign_in.pk),
        }
        sign_ins.append(sign_in)
        sessions.append(Session(session_key=key, session_data=store.encode(data), expire_date=ends))
        cookies.append(f"{settings.SESSION_COOKIE_NAME}={key}")
    SignIn.objects.bulk_create(sign_ins)
    Session.objects.bulk_create(sessions)
    return cookies
