"""Tests of calls in real browsers: pictures and sound arrive, and what happens when something is lost.

Times are printed: how long it takes to connect, and to recover.
"""

from __future__ import annotations

import asyncio
import random
import time

import pytest
from playwright.async_api import expect

from tests.browser.soundness import faults_as_it_is
from tests.calls.test_call_signalling import direct_conversation
from tests.servers import _run_in_thread

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

REFUSE = """
navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", %r));
"""


@pytest.fixture
async def two_people(make_site, open_call_pages):
    """Opens the direct conversation of alice and bob: `alice, bob = await two_people(**environment)`."""

    async def make(names=("alice", "bob"), phone=False, look="light", **environment):
        site = make.site = make_site(proxied=True, LIMITS="off", **environment)
        await asyncio.to_thread(site.start)
        people = site.create_users("alice", "bob")
        conversation_id = direct_conversation(site, *people)
        return await open_call_pages(site, conversation_id, *names, phone=phone, color_scheme=look)

    return make


async def connect(alice, bob, media: str = "video") -> None:
    """Lets alice call bob, who answers, and prints how long it takes to connect."""
    await alice.start_call(media)
    await bob.page.wait_for_selector(".call-ring")
    started = time.monotonic()
    await bob.answer(media)
    await asyncio.gather(alice.is_in_call(), bob.is_in_call())
    print(f"connected {time.monotonic() - started:.2f} s after the answer")


async def test_two_people_see_and_hear_each_other(two_people):
    alice, bob = await two_people()
    await alice.start_call()
    await expect(bob.page.locator(".call-ring")).to_contain_text("Video call")
    await expect(alice.page.locator(".call [data-part=status]")).to_have_text("Ringing…")
    started = time.monotonic()
    await bob.answer()
    await asyncio.gather(alice.is_in_call(), bob.is_in_call())
    print(f"connected {time.monotonic() - started:.2f} s after the answer")
    await asyncio.gather(alice.hears_and_sees(), bob.hears_and_sees())
    print(f"10 pictures and sound both ways {time.monotonic() - started:.2f} s after the answer")
    await expect(alice.page.locator(".call-quality")).to_have_attribute("data-quality", "good")

    await alice.page.click(".call [data-act=mic]")
    await expect(bob.page.locator(".call-tile.muted:not(.own)")).to_be_visible()
    await alice.page.click(".call [data-act=mic]")
    await alice.page.click(".call [data-act=camera]")
    await expect(bob.page.locator(".call-tile.picture:not(.own)")).to_have_count(0)
    await alice.page.click(".call [data-act=screen]")
    await expect(bob.page.locator(".call-tile.screen:not(.own)")).to_be_visible()
    await bob.hears_and_sees(frames=3)
    await alice.page.click(".call [data-act=screen]")
    await expect(bob.page.locator(".call-tile.picture:not(.own)")).to_have_count(0)

    await bob.hang_up()
    await asyncio.gather(alice.has_left(), bob.has_left())
    await expect(alice.page.locator(".toast")).to_contain_text("Call ended")
    for each in (alice, bob):
        entry = each.page.locator("message-log .call-entry")
        await expect(entry).to_contain_text("Video call · 0:")
        live = await entry.evaluate("entry => entry.outerHTML.replace(/\\s+/g, ' ')")
        await each.open()
        assert await entry.evaluate("entry => entry.outerHTML.replace(/\\s+/g, ' ')") == live


async def test_it_rings_on_every_device_until_one_answers_or_declines(two_people):
    alice, bob, other = await two_people(("alice", "bob", "bob"))
    await alice.start_call("audio")
    for each in (bob, other):
        await expect(each.page.locator(".call-ring")).to_contain_text("Voice call")
    await bob.answer("audio")
    await expect(other.page.locator(".call-ring")).to_have_count(0)
    await expect(other.page.locator(".toast")).to_contain_text("Answered on another device")
    await asyncio.gather(alice.is_in_call(), bob.is_in_call())
    await asyncio.gather(alice.hears_and_sees(video=False), bob.hears_and_sees(video=False))
    assert not await other.page.locator(".call").count()
    await alice.hang_up()
    await bob.has_left()

    await alice.start_call("audio")
    await expect(bob.page.locator(".call-ring")).to_be_visible()
    await other.page.click(".call-ring [data-act=decline]")
    await expect(bob.page.locator(".call-ring")).to_have_count(0)
    await alice.has_left()
    await expect(alice.page.locator(".toast").last).to_contain_text("Call declined")

    await other.page.goto("/")
    await bob.page.goto("/")
    await bob.page.wait_for_selector("live-socket[data-state=open]", state="attached")
    await alice.start_call("video")
    await expect(bob.page.locator(".call-ring")).to_be_visible()
    await alice.hang_up()
    await expect(bob.page.locator(".call-ring")).to_have_count(0)
    row = bob.page.locator(".conversation-row").first
    await expect(row).to_contain_text("Missed video call")
    await expect(row.locator(".badge[data-part=count]")).to_contain_text("1 unread")


@pytest.mark.long
async def test_a_call_survives_a_reload_a_cut_line_and_a_killed_server(two_people, page_errors):
    page_errors.allow("WebSocket connection|Failed to load resource|fetching the script")
    alice, bob = await two_people()
    site = two_people.site
    await connect(alice, bob)
    started = time.monotonic()
    await bob.page.reload()
    await asyncio.gather(bob.is_in_call(), alice.is_in_call())
    await asyncio.gather(alice.hears_and_sees(frames=3), bob.hears_and_sees(frames=3))
    print(f"pictures and sound again {time.monotonic() - started:.2f} s after the reload began")

    site.proxy.pause()
    await asyncio.to_thread(site.proxy.cut)
    await asyncio.gather(alice.hears_and_sees(frames=3), bob.hears_and_sees(frames=3))
    await asyncio.sleep(5)
    site.proxy.resume()
    for each in (alice, bob):
        await each.page.wait_for_selector("live-socket[data-state=open]", state="attached", timeout=20_000)
    assert (await alice.statistics())[0]["state"] == "connected"

    server = site.servers[0]
    server.kill()
    await asyncio.gather(alice.hears_and_sees(frames=3), bob.hears_and_sees(frames=3))
    await asyncio.to_thread(server.start)
    for each in (alice, bob):
        await each.page.wait_for_selector("live-socket[data-state=open]", state="attached", timeout=20_000)
    # An ICE restart needs signalling, so it shows that it works again.
    await alice.page.evaluate(
        "window.connections.filter((each) => each.connectionState === 'connected')[0].restartIce()"
    )
    await asyncio.gather(alice.hears_and_sees(frames=3), bob.hears_and_sees(frames=3))
    await alice.hang_up()
    await asyncio.gather(alice.has_left(), bob.has_left())

    await connect(alice, bob, "audio")
    started = time.monotonic()
    await bob.page.close()
    await alice.has_left(within=15)
    print(f"a closed tab noticed after {time.monotonic() - started:.2f} s")


@pytest.mark.parametrize("transport", ["udp", pytest.param("tcp", marks=pytest.mark.long)])
async def test_through_the_relay_only(two_people, turn_server, transport):
    alice, bob = await two_people(**turn_server.variables(transport))
    for each in (alice, bob):
        await each.page.evaluate("localStorage.setItem('messenger.calls.relay', 'true')")
    await connect(alice, bob)
    await asyncio.gather(alice.hears_and_sees(), bob.hears_and_sees())
    for each in (alice, bob):
        (statistics,) = await each.statistics()
        assert (statistics["local"], statistics["remote"], statistics["protocol"]) == ("relay", "relay", transport)
    turn_server.pause()  # the line is dead for 8 seconds: for both, and for any new way
    await asyncio.sleep(8)
    turn_server.resume()
    started = time.monotonic()
    await asyncio.gather(alice.hears_and_sees(frames=3), bob.hears_and_sees(frames=3))
    print(f"{transport}: pictures and sound again {time.monotonic() - started:.2f} s after the line is back")


async def test_three_people_in_a_group(make_site, open_call_pages):
    from chat import actions

    site = make_site(LIMITS="off")
    await asyncio.to_thread(site.start)
    alice, bob, carol = site.create_users("alice", "bob", "carol")

    def create() -> int:
        with site.orm():
            return actions.create_group(alice.pk, "Room", [bob.pk, carol.pk]).id

    alices, bobs, carols = await open_call_pages(site, _run_in_thread(create), "alice", "bob", "carol")
    await alices.start_call()
    await bobs.answer()
    await asyncio.gather(alices.is_in_call(), bobs.is_in_call())
    await carols.page.click(".call-ring [data-act=decline]")
    await expect(carols.page.locator(".call-bar")).to_contain_text("2 people in a call")
    await carols.page.click(".call-bar [data-act=call]")
    started = time.monotonic()
    await carols.page.click(".call-lobby [data-act=start]")
    everybody = (alices, bobs, carols)
    await asyncio.gather(*(each.is_in_call(2) for each in everybody))
    await asyncio.gather(*(each.hears_and_sees(2, frames=5) for each in everybody))
    print(f"the third sees and is seen {time.monotonic() - started:.2f} s after joining")
    await alices.hang_up()
    await asyncio.gather(bobs.is_in_call(1), carols.is_in_call(1))
    await asyncio.gather(bobs.hears_and_sees(), carols.hears_and_sees())
    await expect(alices.page.locator(".call-bar")).to_contain_text("2 people in a call")
    await bobs.hang_up()
    await expect(carols.page.locator(".call [data-part=status]")).to_have_text("Nobody else is here now")
    await carols.hang_up()
    await expect(alices.page.locator(".call-bar")).to_have_count(0)
    await expect(alices.page.locator("message-log .call-entry")).to_contain_text("Video call · 0:")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NotAllowedError", "may not use your microphone"),
        pytest.param("NotFoundError", "No microphone found", marks=pytest.mark.long),
    ],
)
async def test_without_a_microphone_one_can_listen(two_people, name, text):
    alice, bob = await two_people()
    await bob.page.add_init_script(REFUSE % name)
    await bob.open()
    await bob.page.click(".call-tool[data-media=audio]")
    await expect(bob.page.locator(".call-lobby")).to_contain_text(text)
    await bob.page.keyboard.press("Escape")
    await connect(alice, bob, "audio")
    await bob.hears_and_sees(video=False)
    await expect(alice.page.locator(".call-tile.muted:not(.own)")).to_have_count(1)


async def test_a_page_without_https_says_why_there_is_no_call(two_people):
    alice, _bob = await two_people()
    await alice.page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    await alice.open()
    await alice.page.click(".call-tool[data-media=audio]")
    lobby = alice.page.locator(".call-lobby")
    await expect(lobby).to_contain_text("Open this site with https")
    await expect(lobby.locator("[data-act=start]")).to_be_disabled()


@pytest.mark.parametrize("look", [pytest.param("light", marks=pytest.mark.long), "dark"])
async def test_calls_are_accessible_and_fit_on_a_phone(two_people, look):
    """Checks the lobby, the ring, the panel and the entry with axe, as all pages are checked."""
    is_phone = look == "dark"
    alice, bob = await two_people(phone=is_phone, look=look)
    found = []
    await alice.page.click(".call-tool[data-media=video]")
    await expect(alice.page.locator(".call-lobby.has-picture")).to_be_visible()
    found += await faults_as_it_is(alice.page, "lobby")
    await alice.page.click(".call-lobby [data-act=start]")
    await expect(bob.page.locator(".call-ring")).to_be_visible()
    found += await faults_as_it_is(bob.page, "ring")
    await bob.answer()
    await asyncio.gather(alice.is_in_call(), bob.is_in_call())
    await alice.page.click(".call [data-act=devices]")
    found += await faults_as_it_is(alice.page, "panel")
    await bob.hang_up()
    await alice.has_left()
    await expect(alice.page.locator(".call-entry")).to_be_visible()
    found += await faults_as_it_is(alice.page, "entry")
    assert not found, "\n".join(found)


async def test_a_file_goes_from_one_to_the_other_without_the_server(two_people, tmp_path):
    content = random.Random(1).randbytes(3_000_000)
    path = tmp_path / "harbour plan.bin"
    path.write_bytes(content)
    alice, bob = await two_people()
    await connect(alice, bob, "audio")
    await alice.page.click(".call [data-act=size]")
    requests: list[str] = []
    for each in (alice, bob):
        each.page.on("request", lambda request: requests.append(request.url))
    async with alice.page.expect_file_chooser() as choosing:
        await alice.page.click(".call [data-act=file]")
    await (await choosing.value).set_files(path)
    offered = bob.page.locator(".call-file")
    await expect(offered).to_contain_text("harbour plan.bin")
    started = time.monotonic()
    await offered.get_by_role("button", name="Accept").click()
    await expect(alice.page.locator(".call-file")).to_contain_text("Sent")
    async with bob.page.expect_download() as downloading:
        await offered.get_by_role("button", name="Save").click()
    download = await downloading.value
    print(f"3 MB received {time.monotonic() - started:.2f} s after accepting")
    assert download.suggested_filename == path.name
    assert (await download.path()).read_bytes() == content
    assert [url for url in requests if not url.startswith("blob:") and "/static/" not in url] == []

    async with alice.page.expect_file_chooser() as choosing:
        await alice.page.click(".call [data-act=file]")
    await (await choosing.value).set_files(path)
    await bob.page.locator(".call-file").last.get_by_role("button", name="Remove or cancel").click()
    await expect(alice.page.locator(".call-file").last).to_contain_text("Declined")


async def test_hanging_up_before_the_server_has_answered_leaves_no_call(two_people):
    alice, bob = await two_people()
    # The microphone is slow to open, as while the browser asks the user.
    await alice.page.add_init_script(
        "const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = async (wanted) => {"
        " await new Promise((resolve) => setTimeout(resolve, 1500)); return open(wanted); };"
    )
    await alice.open()
    await alice.start_call("audio")
    await alice.hang_up()
    await alice.has_left()
    await asyncio.sleep(2)
    assert not await bob.page.locator(".call-ring").count()
    assert (await (await bob.page.request.get("/api/v1/calls/")).json())["results"] == []
