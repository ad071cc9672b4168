"""Fixtures for browser tests: the users alice (desktop) and bob (phone) have the same group open on a running site."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from chat import actions
from tests.attachments.conftest import make_bytes
from tests.browser.pages import fill_from_copy
from tests.browser.soundness import Demo
from tests.browsers import failed
from tests.servers import Site

# Returns the HTML of each line of the log. What may differ after a reload is removed: hover buttons, focus, highlights.
SAME = """
() => [...document.querySelectorAll('message-log ol > li')].map((line) => {
  const copy = line.cloneNode(true);
  for (const each of [copy, ...copy.querySelectorAll('*')]) {
    for (const name of ['jumped', 'open', 'new']) each.classList.remove(name);
    if (!each.getAttribute('class')) each.removeAttribute('class');
    each.removeAttribute('tabindex');
    each.removeAttribute('aria-expanded');
  }
  copy.querySelectorAll('.acts, .menu, .copy-code, .viewers, .player').forEach((each) => each.remove());
  return copy.outerHTML.replace(/\\s+/g, ' ').replace(/> </g, '><').trim();
})
"""


FIELD = "message-composer textarea"
OPTION = "#complete [role=option]"  # an entry of the list of completions


class ConversationPage:
    """The browser page of one user, with a conversation open. Its methods are actions of the user, such as `say`."""

    def __init__(self, page: Page, url: str):
        self.page, self.url = page, url

    async def open(self) -> None:
        await self.page.goto(self.url)
        await self.page.wait_for_selector("message-log")
        await self.page.wait_for_selector("live-socket[data-state=open]", state="attached")

    async def say(self, text: str) -> None:
        """Sends a text message: on a desktop with the Enter key, on a phone with the Send button.

        On a phone, the Enter key starts a new line in the message.
        """
        await self.page.fill(FIELD, text)
        if await self.page.evaluate("matchMedia('(hover: none) and (pointer: coarse)').matches"):
            await self.page.click("message-composer .send")
        else:
            await self.page.press(FIELD, "Enter")

    async def written(self) -> str:
        """Returns the text in the composer (the input field for new messages)."""
        return await self.page.input_value(FIELD)

    async def sees(self, text: str) -> None:
        await self.page.locator("message-log li.msg .msg-text", has_text=text).last.wait_for()

    def line(self, text: str):
        return self.page.locator("message-log li.msg", has_text=text).last

    async def texts(self) -> list[str]:
        """Returns the texts of all messages on the page, in order.

        Leaves out the times and the marks for sent and read messages.
        """
        return await self.page.eval_on_selector_all(
            "message-log li.msg .msg-text",
            "all => all.map((each) => { const copy = each.cloneNode(true);"
            " copy.querySelectorAll('.tail').forEach((tail) => tail.remove()); return copy.textContent.trim() })",
        )

    async def wait_until_sent(self) -> None:
        """Waits until all messages on the page are sent. Fails after 20 seconds."""
        await expect(self.page.locator("message-log :is(.msg.pending, .msg.failed)")).to_have_count(0, timeout=20_000)

    async def assert_reload_changes_nothing(self) -> None:
        await self.wait_until_sent()
        await self.page.wait_for_timeout(1500)  # the page reports read markers at most once a second
        before = await self.page.evaluate(SAME)
        await self.open()
        await self.page.wait_for_timeout(300)
        after = await self.page.evaluate(SAME)
        assert before == after


async def type_in(conversation_page: ConversationPage, text: str) -> None:
    """Types a text into the composer key by key, so that the page offers completions."""
    await conversation_page.page.click(FIELD)
    await conversation_page.page.keyboard.type(text)


class SharedSite:
    """A site with one server (daphne, SQLite) that tests use one after the other.

    Starting a server takes more processor time than most browser tests. `get` empties the site before the next test.
    After a failed test, or if the server does not run any more, it starts a new one. The server is behind a proxy,
    unless `port` is given, on which it then listens itself.
    """

    def __init__(self, folders: pytest.TempPathFactory, unblocked, port: int | None = None, **environment: str):
        self._folders, self._unblocked = folders, unblocked
        self._port, self._environment = port, environment
        self._site: Site | None = None
        self.is_suspect = False  # a test that used the site has failed

    def get(self) -> Site:
        if self._site and (self.is_suspect or not self._site.reset()):
            self.end()
        if not self._site:
            folder = self._folders.mktemp("shared_site")
            self._site = Site(folder, None, "", self._port is None, self._unblocked, self._environment)
            self._site.start(port=self._port)
        return self._site

    def logs(self) -> str:
        return self._site.logs() if self._site else ""

    def end(self) -> None:
        if self._site:
            self._site.end()
        self._site, self.is_suspect = None, False


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory, django_db_blocker):
    shared = SharedSite(tmp_path_factory, django_db_blocker.unblock)
    yield shared
    shared.end()


@pytest.fixture(scope="module")
def make_shared_site(tmp_path_factory, django_db_blocker):
    """Returns a function that creates a SharedSite with an environment of its own, for the tests of one module."""
    created: list[SharedSite] = []

    def make(port: int | None = None, **environment: str) -> SharedSite:
        created.append(SharedSite(tmp_path_factory, django_db_blocker.unblock, port, **environment))
        return created[-1]

    yield make
    for shared in created:
        shared.end()


@pytest.fixture
def borrow_site(request):
    """Returns an async function that returns the site of a SharedSite, without users. Its server runs.

    If the test fails, the logs of the server are shown, and the next test gets a new one.
    """
    borrowed: list[SharedSite] = []

    async def borrow(shared: SharedSite) -> Site:
        borrowed.append(shared)
        return await asyncio.to_thread(shared.get)

    yield borrow
    if failed(request.node):
        for shared in borrowed:
            shared.is_suspect = True
            print(shared.logs())


@pytest.fixture
def get_shared_site(borrow_site, shared_site):
    """Returns an async function that returns the site that all modules share, without users. Its server runs."""
    return lambda: borrow_site(shared_site)


@pytest.fixture(scope="module")
async def demo(make_shared_site) -> Demo:
    """Provides the demo workspace, created once for all tests of a module: they open pages and change nothing."""
    site = await asyncio.to_thread(make_shared_site().get)
    return Demo(site, await asyncio.to_thread(fill_from_copy, site))


@pytest.fixture
async def open_pages(make_site, get_shared_site, browser_for):
    """Provides an async function that opens the page of a group for alice (desktop) and bob (phone).

    Use: `alice, bob = await open_pages(server="daphne", **environment)`. Afterwards `alice.url` is the path of the
    group and `open_pages.site` is the site: the shared one, or one of the test's own if it names a server or an
    environment.
    """

    async def make(server: str = "daphne", **environment: str):
        if server == "daphne" and not environment:
            site = await get_shared_site()
        else:
            site = make_site(proxied=True, LIMITS="off", **environment)
            await asyncio.to_thread(site.start, server)
        make.site, make.server = site, site.servers[0]

        def group() -> int:
            alice, bob = site.create_users("alice", "bob")
            with site.orm():
                return actions.create_group(alice.pk, "Room", [bob.pk]).id

        url = f"/c/{await asyncio.to_thread(group)}/"
        alice = ConversationPage(await browser_for(site, "alice"), url)
        bob = ConversationPage(await browser_for(site, "bob", phone=True), url)
        await alice.open()
        await bob.open()
        return alice, bob

    return make


@pytest.fixture
def make_file(tmp_path):
    """Returns a function that writes a test file of a given size in bytes and returns its path.

    Example: `make_file(5 * PART_SIZE)` writes a file `big.bin` that is uploaded in five parts.
    """

    def make(size: int, name: str = "big.bin", before: bytes = b"") -> str:
        path = tmp_path / name
        path.write_bytes(before + make_bytes(size))
        return str(path)

    return make
