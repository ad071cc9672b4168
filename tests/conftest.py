"""Fixtures for all tests: real services, databases, users, conversations and server processes.

They use services/ and the modules databases.py, servers.py, proxy.py and browsers.py.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
from pathlib import Path
from typing import NoReturn

import pytest

from tests.services import ServiceRegistry, ServiceUnavailable

pytest_plugins = ["tests.browsers"]
CI = bool(os.environ.get("CI"))


def _find_postgres_cluster() -> Path:
    from tests.databases import postgres_cluster

    return postgres_cluster()


registry = ServiceRegistry(_find_postgres_cluster)


# ── Real services ──────────────────────────────────────────────────────────────────────────────────────────────────
def require_service(name: str):
    """Returns the running service with this name (see services/).

    If the service is not available, the test is skipped. With the environment variable CI set, the test fails instead.
    """
    try:
        return registry.get(name)
    except ServiceUnavailable as missing:
        _skip_or_fail(name, str(missing))


def require_program(name: str, package: str) -> str:
    """Returns the path of a program of the machine. `package` is the Debian package that contains it.

    If it is missing, the test is skipped, and the last line of the run names it. With CI set, the test fails instead.
    """
    path = shutil.which(name)
    if path is None:
        _skip_or_fail(name, f"{name}: not on this machine (package {package})")
    return path


def _skip_or_fail(name: str, reason: str) -> NoReturn:
    if CI:
        pytest.fail(f"Service not available, and CI must not skip tests: {reason}", pytrace=False)
    registry.skipped += 1
    registry.missing[name] = reason
    pytest.skip(reason)


def require_own_service(name: str):
    """Returns the running service with this name (see services/), for tests that kill the service.

    Skips the test if the service is not available, or if the test run did not start the service itself.
    """
    service = require_service(name)
    if not hasattr(service, "kill"):
        registry.skipped += 1
        pytest.skip(f"{name} is an external server; this test needs one that it can kill")
    return service


def require_nginx(folder, backends, data_dir):
    """Returns an nginx (see nginx.py) that is not started yet. Skips the test if the machine has no nginx."""
    from tests.nginx import Nginx

    try:
        return Nginx(folder, backends, data_dir)
    except ServiceUnavailable as missing:
        _skip_or_fail("nginx", str(missing))


@pytest.fixture
def postgres():
    """Returns the PostgreSQL server. Its methods for databases: `create()`, `drop(url)`, `disconnect_all(url)`."""
    return require_service("postgres")


@pytest.fixture
def postgres_server():
    """Provides a PostgreSQL process that the test may `stop(mode="immediate")`, `kill()`, `pause()` and `start()`.

    After the test the fixture starts the process again if it does not run.
    """
    server = require_own_service("postgres")
    yield server
    server.resume()
    if not server.running:
        server.start()


@pytest.fixture
def postgres_url(postgres):
    """Provides the URL of a new, migrated PostgreSQL database, which is deleted after the test."""
    from tests.databases import postgres_template

    url = postgres.create(postgres_template(postgres))
    yield url
    postgres.drop(url)


@pytest.fixture
def redis_url():
    """Returns the URL of a Redis server, whose data is deleted before the test."""
    server = require_service("redis")
    server.flush()
    return server.url


@pytest.fixture
def redis_server():
    """Provides an empty Redis process that the test may `kill()`, `start()`, `pause()` and empty with `flush()`.

    After the test the fixture starts the process again if it does not run.
    """
    server = require_own_service("redis")
    server.flush()
    yield server
    server.resume()
    if not server.running:
        server.start()


@pytest.fixture
def s3():
    """Returns an S3 server with a bucket.

    Its `url` is a value for STORAGE_URL. Its `credentials` are environment variables that a server process needs.
    """
    return require_service("s3")


@pytest.fixture
def s3_url(s3, monkeypatch):
    for name, value in s3.credentials.items():
        monkeypatch.setenv(name, value)
    return s3.url


@pytest.fixture(scope="session")
def chromium_path():
    return require_service("chromium").path


def pytest_configure(config):
    config.pluginmanager.register(LongestFirst())
    # On SIGTERM (for example from `timeout`) the test run ends as on Ctrl-C, so that it stops its servers.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_finish():
    """Excludes everything loaded so far from garbage collection, and collects less often, as messenger/asgi.py does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):  # a worker of pytest-xdist: the main process prints the summary
        session.config.workeroutput["services"] = registry.report()


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_testnodedown(node):
    if report := getattr(node, "workeroutput", {}).get("services"):  # none if the worker has crashed
        registry.add_report(report)


def pytest_terminal_summary(terminalreporter):
    from tests.databases import describe_scripts

    terminalreporter.write_line("")
    terminalreporter.write_line(f"{registry.summary()} {describe_scripts()}")


def pytest_unconfigure():
    registry.end()


# ── Databases inside pytest ────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="session")
def django_db_setup(django_test_environment):
    """Creates the test database: a copy of the migrated database that sites are copied from too.

    It replaces the fixture of pytest-django, with which each worker would run all migrations. After tests whose changes
    were committed, the migrated database is restored. Django would delete all rows and then look for missing
    permissions and content types, which takes twenty times as long.
    """
    from django.conf import settings
    from django.test import TransactionTestCase

    from tests.databases import restore_sqlite_template, sqlite_template

    file = settings.DATABASES["default"]["NAME"]
    shutil.copyfile(sqlite_template(), file)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(TransactionTestCase, "_fixture_teardown", lambda _test: restore_sqlite_template(file))
        yield


@pytest.fixture
def postgres_db(postgres_url, django_db_blocker):
    """Makes Django use a new PostgreSQL database in all threads of this test. Provides its URL.

    Do not combine it with the fixtures `db` and `transactional_db`.
    """
    from tests.databases import using_database

    with django_db_blocker.unblock(), using_database(postgres_url):
        yield postgres_url


@pytest.fixture(params=["sqlite", "postgres"])
def each_database(request):
    """Runs the test twice: on SQLite and on PostgreSQL.

    Transactions are really committed, not rolled back after the test. Provides `"sqlite"` or `"postgres"`. Use it
    instead of the fixtures `db` and `transactional_db`.
    """
    if request.param == "postgres":
        request.getfixturevalue("postgres_db")
    return request.param


@pytest.fixture
def database(request):
    """Sets up the database for fixtures that create rows, such as `make_user`.

    This is the database of the fixture `each_database` or `postgres_db` if the test uses one of them. Otherwise it is
    the test database of pytest-django. For that one, `pytest_collection_modifyitems` adds the mark `django_db` to the
    test.
    """
    for name in ("each_database", "postgres_db"):
        if name in request.fixturenames:
            request.getfixturevalue(name)


# bin/test leaves out TESTS_OF_TESTS, which test the test helpers. In the folders DAPHNE_IS_ENOUGH and in
# test_revocation.py it runs tests with both servers only on daphne. Of the tests in ONE_DATABASE_IS_ENOUGH it runs only
# the variant on this database. bin/test-long runs all of these.
TESTS_OF_TESTS = {"test_browser_fixtures.py", "test_fixtures.py", "test_proxy.py", "test_services.py"}
DAPHNE_IS_ENOUGH = {"attachments", "browser", "examples", "faults", "replay"}
ONE_DATABASE_IS_ENOUGH = {
    "test_invalid_input_never_causes_a_server_error": "postgres",  # it rejects more values than SQLite
    "test_naughty_strings_as_messages": "sqlite",
    "test_new_messages_follow_the_demo": "sqlite",
}


def is_long(item) -> bool:
    """Returns whether the test is long: bin/test leaves it out, bin/test-long runs it."""
    folder, params = item.path.parent.name, item.callspec.params if hasattr(item, "callspec") else {}
    if folder == "infrastructure":
        return item.path.name in TESTS_OF_TESTS
    if item.path.name == "test_revocation.py" and params.get("site") == "uvicorn":
        return True  # tests/live/test_socket.py closes sockets of uvicorn
    database = params.get("each_database")
    if database and database != ONE_DATABASE_IS_ENOUGH.get(item.originalname, database):
        return True
    return folder in DAPHNE_IS_ENOUGH and params.get("each_server") == "uvicorn"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks long tests as `long`, and tests that use the fixture `database` as `django_db`.

    A fixture could not add `django_db` itself: pytest-django reads this mark before it runs the fixtures.
    """
    for item in items:
        names = getattr(item, "fixturenames", ())
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if is_long(item):
            item.add_marker(pytest.mark.long)
        if item.get_closest_marker("django_db") or "postgres_db" in names or params.get("each_database") == "postgres":
            continue
        if "each_database" in names:
            item.add_marker(pytest.mark.django_db(transaction=True))
        elif "database" in names:
            item.add_marker(pytest.mark.django_db)


LONGEST = {"test_reload.py", "test_every_page.py", "test_every_chat_page.py", "test_call_browsers.py"}


class LongestFirst:
    """Pytest plugin that runs the slowest files first, so that parallel workers finish at about the same time.

    These are the browser tests, which need much processor time, and the fault tests, which mostly wait. Fault tests are
    spread evenly among the browser tests, so that while some workers wait, others compute.

    It sorts the tests after pytest-django has sorted them, because pytest-django moves tests without a database to the
    end.
    """

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        positions: dict[Path, float] = {}  # of a file: from 0, the first, to 1, after all slow files
        for mark in ("browser", "faults"):
            files = list(dict.fromkeys(item.path for item in items if item.get_closest_marker(mark)))
            files.sort(key=lambda path: path.name not in LONGEST)
            positions |= {path: number / len(files) for number, path in enumerate(files)}
        items.sort(key=lambda item: (positions.get(item.path, 1), str(item.path) if item.path in positions else ""))


@pytest.fixture
def run_tasks(database):
    """Returns a function: `run_tasks()` executes the background tasks that are due, in this process.

    It returns how many tasks it executed.
    """
    from django.utils.module_loading import autodiscover_modules

    from messenger.background import queue

    autodiscover_modules("tasks")
    return queue.run_due


# ── Users and conversations ────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def make_user(database):
    """Returns a function: `make_user("dave", **fields)` creates a user with the password `let-me-talk`."""
    from accounts.models import User
    from tests.servers import PASSWORD

    def make(username: str, **fields):
        return User.objects.create_user(username, password=PASSWORD, **fields)

    return make


@pytest.fixture
def alice(make_user):
    return make_user("alice", name="Alice")


@pytest.fixture
def bob(make_user):
    return make_user("bob", name="Bob")


@pytest.fixture
def carol(make_user):
    return make_user("carol", name="Carol")


@pytest.fixture
def mallory(make_user):
    """Returns a user who is in no conversation."""
    return make_user("mallory", name="Mallory")


@pytest.fixture
def group(alice, bob):
    """Returns a group with alice as owner and bob as member."""
    from chat import actions
    from chat.models import Conversation

    return Conversation.objects.get(pk=actions.create_group(alice.pk, "Room", [bob.pk]).id)


@pytest.fixture
def direct_conversation(alice, bob):
    """Returns a new, empty direct conversation between alice and bob.

    Both see it, because both have opened it. Usually, the second user sees a direct conversation only after the first
    message.
    """
    from chat import actions
    from chat.models import Conversation

    conversation, _ = actions.open_direct_conversation(alice.pk, bob.pk)
    actions.open_direct_conversation(bob.pk, alice.pk)
    return Conversation.objects.get(pk=conversation.id)


# ── Server processes ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def make_site(request, tmp_path, django_db_blocker):
    """Creates a `Site`, an installation of the messenger (see tests/servers.py).

    Example: `make_site(database="postgres", redis=True, proxied=True, SWEEP_SECONDS="1")`; arguments in capitals are
    environment variables. After the test its servers are stopped. If the test failed, their logs are shown.
    """
    from tests.servers import Site

    sites: list[Site] = []

    def make(database: str = "sqlite", redis: bool = False, proxied: bool = False, **environment: str) -> Site:
        folder = tmp_path / f"site{len(sites)}"
        folder.mkdir()
        postgres = require_service("postgres") if database == "postgres" else None
        redis_url = request.getfixturevalue("redis_url") if redis else ""
        site = Site(folder, postgres, redis_url, proxied, django_db_blocker.unblock, environment)
        sites.append(site)
        return site

    yield make
    for site in sites:
        site.end()
        print(site.logs())  # pytest shows this output only if the test failed


@pytest.fixture
def site(make_site):
    """Returns a `Site` with default settings: SQLite and no Redis. `site.start()` starts a server."""
    return make_site()


@pytest.fixture(params=["daphne", "uvicorn"])
def each_server(request) -> str:
    """Runs the test twice: with `"daphne"` and with `"uvicorn"`, for `site.start(server=each_server)`."""
    return request.param
