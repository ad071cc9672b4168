"""The shipped server, as tests run it: what `bin/serve` does, in processes of its own, production's way.

A `Site` is one installation: a database, a data folder, an environment. Any number of `Server` processes run on it,
each started, stopped, frozen or killed by itself, with or without a proxy of ours in front:

    site = make_site(database="postgres", redis=True, proxied=True)
    alice, bob = site.people("alice", "bob")
    first, second = site.start(), site.start(server="uvicorn")
    first.kill(); first.start()            # kill -9, and the same port again
    with site.orm(): Message.objects.count()
"""

from __future__ import annotations

import functools
import http.client
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tests.databases import (
    ROOT,
    collected_static,
    copy_sqlite_template,
    postgres_template,
    run_manage,
    shipped_environment,
    using_database,
)
from tests.fork_server import nursery
from tests.processes import Program
from tests.proxy import Proxy
from tests.services import Databases

PASSWORD = "let-me-talk"


class Server(Program):
    """One process of the site (with uvicorn and WEB_CONCURRENCY, one group of them)."""

    name = "server"
    from_the_nursery = True

    def __init__(self, site: Site, port: int | None, environment: dict[str, str]):
        super().__init__(site.folder, port)
        self.site = site
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {"SITE_URL": self.url, **site.environment, **environment, "PORT": str(self.port)}

    def command(self):
        return [ROOT / "bin" / "serve"]

    def launch(self):
        """Out of the nursery, where there is one: the same program, without the seconds of loading it."""
        waiting = nursery() if self.from_the_nursery else None
        if waiting is None:
            return super().launch()
        return waiting.start("messenger.server", log=self.log, environment=self.environment())

    def popen_options(self) -> dict:
        return {"cwd": ROOT}

    def environment(self) -> dict[str, str]:
        return shipped_environment(**self._environment)

    def answers(self) -> bool:
        """Any answer will do: what it says is for the test to judge."""
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
        postgres: Databases | None,
        redis_url: str,
        proxied: bool,
        unblocked: Callable[[], AbstractContextManager],
        environment: dict[str, str],
    ):
        """Without `postgres` a SQLite file; `unblocked` lets a test without the `db` fixture use the database."""
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
        self.proxy: Proxy | None = None
        if proxied:
            self.proxy = Proxy()
            self.proxy.start()
            self.environment.setdefault("SITE_URL", self.proxy.url)

    @property
    def url(self) -> str:
        """Where people go: the proxy, or the first server."""
        return self.proxy.url if self.proxy else self.servers[0].url

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws/v1/"

    def start(self, server: str = "daphne", port: int | None = None, **environment: str) -> Server:
        """One more process, which answers when this returns."""
        started = Server(self, port, {"SERVER": server, **environment})
        self.servers.append(started)
        started.start()
        if self.proxy:
            self.proxy.backends.append(started.port)
        return started

    @contextmanager
    def orm(self):
        """Django's models in this process are those of the site's database. In async tests: in a thread."""
        with self._unblocked(), using_database(self.database_url):
            yield

    def people(self, *names: str) -> list:
        """The persons of these user names, made where they are not there; their password is `let-me-talk`.

        Also in async tests."""
        return _in_a_thread(lambda: self._people(names))

    def _people(self, names: tuple[str, ...]) -> list:
        from accounts.models import User

        with self.orm():
            there = {user.username: user for user in User.objects.filter(username__in=names)}
            for name in names:
                if name not in there:
                    there[name] = user = User(username=name, password=shipped_hash())
                    user.save()
            return [there[name] for name in names]

    def manage(self, *arguments: str) -> str:
        return run_manage(*arguments, **self.environment)

    def end(self) -> None:
        for server in self.servers:
            # Ended all the same, but killed: nobody waits for open sockets.
            server.signal(signal.SIGCONT)
            server.kill()
        if self.proxy:
            self.proxy.stop()
        if self._postgres:
            self._postgres.drop(self.database_url)

    def logs(self) -> str:
        return "\n".join(server.tail(200) for server in self.servers)


def _in_a_thread(act: Callable[[], Any]) -> Any:
    """Django keeps its database from the event loop's thread; an async test may wait for this little."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(act).result()


@functools.cache
def shipped_hash() -> str:
    """The password as the shipped settings store it (tests' own hasher is unknown there), worked out once."""
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    return PBKDF2PasswordHasher().encode(PASSWORD, "salt for tests 0123456")
