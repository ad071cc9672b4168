"""The cast and the stage of all tests. What is on the stage is in services.py, databases.py, servers.py,
proxy.py and browsers.py."""

from __future__ import annotations

import os
import signal

import pytest

from tests.services import Missing, Register

pytest_plugins = ["tests.browsers"]
CI = bool(os.environ.get("CI"))
register = Register()


# ── Real services ────────────────────────────────────────────────────────────────────────────────────────────────
def real(name: str):
    """The running service. Where it is nowhere to be had the test is skipped; in CI that is a failure."""
    try:
        return register.get(name)
    except Missing as missing:
        if CI:
            pytest.fail(f"Missing here, and CI skips nothing: {missing}", pytrace=False)
        register.skipped += 1
        pytest.skip(str(missing))


def own(name: str):
    """As `real`, for tests that stop or kill the service: one that somebody else runs will not do."""
    service = real(name)
    if not hasattr(service, "kill"):
        register.skipped += 1
        pytest.skip(f"{name} is given by the environment; this test kills its own")
    return service


@pytest.fixture
def postgres():
    """The PostgreSQL server: `create()`, `drop(url)`, `disconnect_all(url)`."""
    return real("postgres")


@pytest.fixture
def postgres_server():
    """PostgreSQL as a process: also `stop(mode="immediate")`, `kill()`, `start()`, `pause()`. Afterwards it runs."""
    server = own("postgres")
    yield server
    server.resume()
    if not server.running:
        server.start()


@pytest.fixture
def postgres_url(postgres):
    """The address of a fresh, migrated PostgreSQL database."""
    from tests.databases import postgres_template

    url = postgres.create(postgres_template(postgres))
    yield url
    postgres.drop(url)


@pytest.fixture
def redis_url():
    """The address of an empty Redis."""
    server = real("redis")
    server.flush()
    return server.url


@pytest.fixture
def redis_server():
    """Redis as a process, empty: `kill()`, `start()`, `flush()`, `pause()`, `disconnect_all()`. It runs afterwards."""
    server = own("redis")
    server.flush()
    yield server
    server.resume()
    if not server.running:
        server.start()


@pytest.fixture
def s3():
    """An S3 with a bucket: `url` is a STORAGE_URL, `credentials` the environment that goes with it."""
    return real("s3")


@pytest.fixture
def s3_url(s3, monkeypatch):
    for name, value in s3.credentials.items():
        monkeypatch.setenv(name, value)
    return s3.url


@pytest.fixture(scope="session")
def chromium_path():
    return real("chromium").path


def pytest_configure(config):
    config.pluginmanager.register(LongestFirst())
    # Asked to end, as by `timeout`, a run ends like one that is interrupted: with its servers stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line("")
    terminalreporter.write_line(register.line())


def pytest_unconfigure():
    register.end()


# ── Databases inside pytest ──────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def postgres_db(postgres_url, django_db_blocker):
    """This test's Django, in all its threads, is on a fresh PostgreSQL database. Without the `db` fixtures."""
    from tests.databases import using_database

    with django_db_blocker.unblock(), using_database(postgres_url):
        yield postgres_url


@pytest.fixture(params=["sqlite", "postgres"])
def each_database(request):
    """The test runs twice: on SQLite, with real commits, and on PostgreSQL. Instead of the `db` fixtures."""
    if request.param == "postgres":
        request.getfixturevalue("postgres_db")
    return request.param


@pytest.fixture
def database(request):
    """Whatever database the test asked for; `db` where it asked for none (see `pytest_collection_modifyitems`)."""
    for name in ("each_database", "postgres_db"):
        if name in request.fixturenames:
            request.getfixturevalue(name)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """pytest-django looks at marks and fixture names before any test runs, so what `database` means is marked here."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if item.get_closest_marker("django_db") or "postgres_db" in names or params.get("each_database") == "postgres":
            continue
        if "each_database" in names:
            item.add_marker(pytest.mark.django_db(transaction=True))
        elif "database" in names:
            item.add_marker(pytest.mark.django_db)


class LongestFirst:
    """Two at a time, a file at a time: both ends of a run come together when the longest files come first.

    After pytest-django, which moves what needs no database to the end."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: (not item.path.match("test_reload.py"), not item.get_closest_marker("browser")))


@pytest.fixture
def work(database):
    """`work()` does the background work that is due, in this process, and says how many jobs that were."""
    from django.utils.module_loading import autodiscover_modules

    from messenger.background import queue

    autodiscover_modules("tasks")
    return queue.run_due


# ── The cast ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def person(database):
    """Makes people: `person("dave")`. Their password is `let-me-talk`."""
    from accounts.models import User
    from tests.servers import PASSWORD

    def make(username: str, **fields):
        return User.objects.create_user(username, password=PASSWORD, **fields)

    return make


@pytest.fixture
def alice(person):
    return person("alice", name="Alice")


@pytest.fixture
def bob(person):
    return person("bob", name="Bob")


@pytest.fixture
def carol(person):
    return person("carol", name="Carol")


@pytest.fixture
def mallory(person):
    """A stranger, who is in nothing."""
    return person("mallory", name="Mallory")


@pytest.fixture
def room(alice, bob):
    """A group: alice owns it, bob is a member."""
    from chat import actions
    from chat.models import Conversation

    return Conversation.objects.get(pk=actions.create_group(alice.pk, "Room", [bob.pk]).id)


@pytest.fixture
def pair(alice, bob):
    """The direct conversation of alice and bob."""
    from chat import actions
    from chat.models import Conversation

    conversation, _ = actions.open_direct_conversation(alice.pk, bob.pk)
    return Conversation.objects.get(pk=conversation.id)


# ── Server processes ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def make_site(request, tmp_path, django_db_blocker):
    """Makes installations: `make_site(database="postgres", redis=True, proxied=True, SWEEP_SECONDS="1")`.

    See tests/servers.py. All of their servers end with the test; their logs are shown where it failed.
    """
    from tests.servers import Site

    sites: list[Site] = []

    def make(database: str = "sqlite", redis: bool = False, proxied: bool = False, **environment: str) -> Site:
        folder = tmp_path / f"site{len(sites)}"
        folder.mkdir()
        postgres = real("postgres") if database == "postgres" else None
        redis_url = request.getfixturevalue("redis_url") if redis else ""
        site = Site(folder, postgres, redis_url, proxied, django_db_blocker.unblock, environment)
        sites.append(site)
        return site

    yield make
    for site in sites:
        site.end()
        print(site.logs())  # pytest shows what is printed here where the test has failed


@pytest.fixture
def site(make_site):
    """An installation with nothing configured: SQLite, no Redis. Not started yet: `site.start()`."""
    return make_site()


@pytest.fixture(params=["daphne", "uvicorn"])
def each_server(request) -> str:
    """The test runs twice: `site.start(server=each_server)`."""
    return request.param
