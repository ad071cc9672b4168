"""Shared fixtures: real services, databases, users, conversations and server processes.

The helpers behind them are in services.py, databases.py, servers.py, proxy.py and browsers.py.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.services import ServiceRegistry, ServiceUnavailable

pytest_plugins = ["tests.browsers"]
CI = bool(os.environ.get("CI"))
registry = ServiceRegistry()


# ── Real services ──────────────────────────────────────────────────────────────────────────────────────────────────
def require_service(name: str):
    """Returns the running service. Without it the test is skipped; in CI the test fails."""
    try:
        return registry.get(name)
    except ServiceUnavailable as missing:
        if CI:
            pytest.fail(f"Service not available, and CI must not skip tests: {missing}", pytrace=False)
        registry.skipped += 1
        pytest.skip(str(missing))


def require_own_service(name: str):
    """Like `require_service`, for tests that kill the service: an external one is skipped."""
    service = require_service(name)
    if not hasattr(service, "kill"):
        registry.skipped += 1
        pytest.skip(f"{name} is an external server; this test needs one that it can kill")
    return service


@pytest.fixture
def postgres():
    """The PostgreSQL server: `create()`, `drop(url)`, `disconnect_all(url)`."""
    return require_service("postgres")


@pytest.fixture
def postgres_server():
    """PostgreSQL as a process: `stop(mode="immediate")`, `kill()`, `start()`, `pause()`. Restarted after the test."""
    server = require_own_service("postgres")
    yield server
    server.resume()
    if not server.running:
        server.start()


@pytest.fixture
def postgres_url(postgres):
    """The URL of a new, migrated PostgreSQL database."""
    from tests.databases import postgres_template

    url = postgres.create(postgres_template(postgres))
    yield url
    postgres.drop(url)


@pytest.fixture
def redis_url():
    """The URL of an empty Redis."""
    server = require_service("redis")
    server.flush()
    return server.url


@pytest.fixture
def redis_server():
    """An empty Redis as a process with `kill()`, `start()`, `flush()`, `pause()`. Runs again after the test."""
    server = require_own_service("redis")
    server.flush()
    yield server
    server.resume()
    if not server.running:
        server.start()


@pytest.fixture
def s3():
    """An S3 server with a bucket: `url` is a STORAGE_URL, `credentials` are its environment variables."""
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
    # On SIGTERM (for example from `timeout`) the run ends as on Ctrl-C, so that its servers are stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line("")
    terminalreporter.write_line(registry.summary())


def pytest_unconfigure():
    registry.end()


# ── Databases inside pytest ────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def postgres_db(postgres_url, django_db_blocker):
    """Django uses a new PostgreSQL database in all threads of this test. Use it without the `db` fixtures."""
    from tests.databases import using_database

    with django_db_blocker.unblock(), using_database(postgres_url):
        yield postgres_url


@pytest.fixture(params=["sqlite", "postgres"])
def each_database(request):
    """Runs the test twice: on SQLite with real commits, and on PostgreSQL. Replaces the `db` fixtures."""
    if request.param == "postgres":
        request.getfixturevalue("postgres_db")
    return request.param


@pytest.fixture
def database(request):
    """The database that the test requests; `db` if it requests none (see `pytest_collection_modifyitems`)."""
    for name in ("each_database", "postgres_db"):
        if name in request.fixturenames:
            request.getfixturevalue(name)


# Tests of the test environment itself, and folders in which bin/test runs a test on daphne only.
TESTS_OF_TESTS = {"test_browsers.py", "test_fixtures.py", "test_proxy.py", "test_services.py"}
DAPHNE_IS_ENOUGH = {"attachments", "browser", "faults", "replay"}


def is_long(item) -> bool:
    """Whether bin/test leaves the test to bin/test-long."""
    folder, params = item.path.parent.name, item.callspec.params if hasattr(item, "callspec") else {}
    if folder == "infrastructure":
        return item.path.name in TESTS_OF_TESTS
    return folder in DAPHNE_IS_ENOUGH and params.get("each_server") == "uvicorn"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Adds the `django_db` mark that `database` stands for: pytest-django reads marks before any test runs."""
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


class LongestFirst:
    """Sorts the longest files to the front: with two workers, both then finish at about the same time.

    Runs after pytest-django, which moves tests without a database to the end.
    """

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: (not item.path.match("test_reload.py"), not item.get_closest_marker("browser")))


@pytest.fixture
def run_tasks(database):
    """`run_tasks()` executes the background tasks that are due, in this process, and returns their number."""
    from django.utils.module_loading import autodiscover_modules

    from messenger.background import queue

    autodiscover_modules("tasks")
    return queue.run_due


# ── Users and conversations ────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def make_user(database):
    """Creates users: `make_user("dave")`. Their password is `let-me-talk`."""
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
    """A user without conversations."""
    return make_user("mallory", name="Mallory")


@pytest.fixture
def group(alice, bob):
    """A group of alice (owner) and bob (member)."""
    from chat import actions
    from chat.models import Conversation

    return Conversation.objects.get(pk=actions.create_group(alice.pk, "Room", [bob.pk]).id)


@pytest.fixture
def direct_conversation(alice, bob):
    """The direct conversation of alice and bob."""
    from chat import actions
    from chat.models import Conversation

    conversation, _ = actions.open_direct_conversation(alice.pk, bob.pk)
    return Conversation.objects.get(pk=conversation.id)


# ── Server processes ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def make_site(request, tmp_path, django_db_blocker):
    """Creates installations: `make_site(database="postgres", redis=True, proxied=True, SWEEP_SECONDS="1")`.

    See tests/servers.py. Their servers end with the test; their logs are printed if it failed.
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
        print(site.logs())  # pytest shows it if the test failed


@pytest.fixture
def site(make_site):
    """An installation with default settings: SQLite, no Redis. `site.start()` starts a server."""
    return make_site()


@pytest.fixture(params=["daphne", "uvicorn"])
def each_server(request) -> str:
    """Runs the test twice, for `site.start(server=each_server)`."""
    return request.param
