"""Installations of the messenger for tests, with server processes that run with production settings.

A `Site` is one installation: a database, a data folder and environment variables. Any number of `Server` objects can
serve it. Each server can be started, stopped, paused and killed, with or without a `Proxy` in front of it:

    site = make_site(database="postgres", redis=True, proxied=True)
    alice, bob = site.create_users("alice", "bob")
    first, second = site.start(), site.start(server="uvicorn")
    first.kill(); first.start()            # restarts on the same port
    with site.orm(): Message.objects.count()
"""

from __future__ import annotations

import functools
import http.client
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.databases import (
    ORDINARY_ENVIRONMENT,
    ROOT,
    collected_static,
    copy_sqlite_template,
    postgres_template,
    production_environment,
    restore_sqlite_template,
    run_manage,
    using_database,
)
from tests.fork_server import get_fork_server
from tests.processes import Program
from tests.proxy import Proxy
from tests.services import PostgresDatabases

PASSWORD = "let-me-talk"


class Server(Program):
    """One server of a site: one process, or several worker processes with uvicorn and WEB_CONCURRENCY."""

    name = "server"
    use_fork_server = True

    def __init__(self, site: Site, port: int | None, environment: dict[str, str]):
        super().__init__(site.folder, port)
        self.site = site
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {"SITE_URL": self.url, **site.environment, **environment, "PORT": str(self.port)}

    def command(self):
        return [ROOT / "bin" / "serve"]

    def launch(self):
        """Starts the process of this server.

        On systems that support it, uses the fork server (see fork_server.py), which is faster than a new Python
        process.
        """
        fork_server = get_fork_server() if self.use_fork_server else None
        if fork_server is None:
            return super().launch()
        return fork_server.start(
            "messenger.server", log=self.log, environment=self.environment(), ordinary=ORDINARY_ENVIRONMENT
        )

    def popen_options(self) -> dict:
        return {"cwd": ROOT}

    def environment(self) -> dict[str, str]:
        return production_environment(**self._environment)

    def is_ready(self) -> bool:
        """Returns whether the server answers an HTTP request. The status of the response may be an error."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/accounts/login/")
            connection.getresponse().read()
            return True
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws/v1/"


class Site:
    def __init__(
        self,
        folder: Path,
        postgres: PostgresDatabases | None,
        redis_url: str,
        proxied: bool,
        unblocked: Callable[[], AbstractContextManager],
        environment: dict[str, str],
    ):
        """Creates a site with a new database: on the server `postgres`, or a SQLite file if `postgres` is None.

        If `proxied` is true, clients connect through a `Proxy`. `unblocked` is `django_db_blocker.unblock` of
        pytest-django: `orm` then works without the fixture `db`.
        """
        self.folder = folder
        self._postgres = postgres
        self._unblocked = unblocked
        self.environment = {"DATA_DIR": str(folder / "data"), "REDIS_URL": redis_url, **environment}
        if postgres:
            self.database_url = postgres.create(postgres_template(postgres))
            self.environment["DATABASE_URL"] = self.database_url
            (folder / "data").mkdir()
        else:
            copy_sqlite_template(folder / "data")
            self.database_url = f"sqlite://{folder / 'data' / 'messenger.sqlite3'}"
        (folder / "data" / "static").symlink_to(collected_static())
        self.servers: list[Server] = []
        self.front_url = ""  # URL of a reverse proxy that a test has started in front of the servers
        self.proxy: Proxy | None = None
        if proxied:
            self.proxy = Proxy()
            self.proxy.start()
            self.environment.setdefault("SITE_URL", self.proxy.url)

    @property
    def url(self) -> str:
        """The URL for clients: the URL of the proxy if there is one, otherwise of the first server."""
        if self.front_url:
            return self.front_url
        return self.proxy.url if self.proxy else self.servers[0].url

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws/v1/"

    def start(self, server: str = "daphne", port: int | None = None, **environment: str) -> Server:
        """Starts one more server (`daphne` or `uvicorn`), waits until it responds, and returns it.

        `environment` are environment variables of this server only.
        """
        new_server = Server(self, port, {"SERVER": server, **environment})
        self.servers.append(new_server)
        new_server.start()
        if self.proxy:
            self.proxy.backends.append(new_server.port)
        return new_server

    @contextmanager
    def orm(self):
        """Context manager in which Django in the process of the test uses the database of this `Site`."""
        with self._unblocked(), using_database(self.database_url):
            yield

    def create_users(self, *names: str) -> list:
        """Returns the users with these names, and creates those that are missing, with the password `let-me-talk`.

        Can also be called from async tests.
        """
        return _run_in_thread(lambda: self._create_users(names))

    def _create_users(self, names: tuple[str, ...]) -> list:
        from accounts.models import User

        with self.orm():
            users = {user.username: user for user in User.objects.filter(username__in=names)}
            for name in names:
                if name not in users:
                    users[name] = user = User(username=name, password=production_password_hash())
                    user.save()
            return [users[name] for name in names]

    def sign_in(self, username: str) -> dict[str, Any]:
        """Signs a user in and returns the session cookie, for the method `add_cookies` of a browser context.

        The sign-in form does the same, but the server hashes the password a million times for it. Can also be called
        from async tests.
        """
        return _run_in_thread(lambda: self._sign_in(username))

    def _sign_in(self, username: str) -> dict[str, Any]:
        from django.test import Client

        from accounts.models import User

        with self.orm():
            client = Client()
            client.force_login(User.objects.get(username=username))
        value = client.cookies[settings.SESSION_COOKIE_NAME].value
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": self.url}
        return {**cookie, "httpOnly": True, "sameSite": "Lax"}

    def create_token(self, username: str) -> str:
        """Returns an access token of this user, for the API and the WebSocket.

        A sign-in with the password does the same, but the server hashes the password a million times for it. Can also
        be called from async tests.
        """
        return _run_in_thread(lambda: self._create_token(username))

    def _create_token(self, username: str) -> str:
        from accounts.auth import tokens
        from accounts.models import User

        with self.orm():
            return tokens.issue_token_pair(User.objects.get(username=username)).access

    def manage(self, *arguments: str) -> str:
        return run_manage(*arguments, **self.environment)

    def reset(self) -> bool:
        """Empties the site, so that another test can use it: no users, no files, no network faults.

        Possible for SQLite and one server that still runs. Returns whether it was possible.
        """
        if self._postgres or len(self.servers) != 1 or not self.servers[0].running:
            return False
        if self.proxy:
            self.proxy.pass_all()
            self.proxy.cut()
            self.proxy.backends[:] = [self.servers[0].port]
        restore_sqlite_template(self.folder / "data" / "messenger.sqlite3")
        shutil.rmtree(self.folder / "data" / "media", ignore_errors=True)
        return True

    def end(self) -> None:
        for server in self.servers:
            # Kills the server: a regular stop would wait for open sockets.
            server.signal(signal.SIGCONT)
            server.kill()
        if self.proxy:
            self.proxy.stop()
        if self._postgres:
            self._postgres.drop(self.database_url)

    def logs(self) -> str:
        return "\n".join(server.tail(200) for server in self.servers)


def _run_in_thread(function: Callable[[], Any]) -> Any:
    """Runs `function` in a thread: Django forbids database access in the thread of the event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function).result()


@functools.cache
def production_password_hash() -> str:
    """Returns a hash of PASSWORD, the password of all test users, that servers with production settings accept.

    The faster hashes that the test settings create are not accepted there.
    """
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    return PBKDF2PasswordHasher().encode(PASSWORD, "salt for tests 0123456")
