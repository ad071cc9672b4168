"""Fixtures of tests of calls in real browsers, with a camera and a microphone that the browser simulates."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.api.conftest import api  # noqa: F401 (the fixture)
from tests.browsers import CHROMIUM_FLAGS
from tests.conftest import require_program
from tests.notifications.conftest import deliver, push_service, read, subscribe  # noqa: F401 (the fixtures)
from tests.processes import Program

FAKE_DEVICES = (
    "--use-fake-device-for-media-stream",  # a moving picture, and a beep every second
    "--use-fake-ui-for-media-stream",  # the user allows every device
    "--autoplay-policy=user-gesture-required",
    "--auto-select-desktop-capture-source=Entire screen",
)
# Keeps the connections of the page, so that tests can read their statistics.
RECORD_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...options) { super(...options); window.connections.push(this); }
};
"""
STATISTICS = """
async () => {
  const open = window.connections.filter((each) => each.connectionState !== "closed");
  return Promise.all(open.map(async (connection) => {
    const state = connection.connectionState;
    const found = { state, frames: 0, energy: 0, width: 0, local: "", remote: "", protocol: "" };
    const reports = new Map((await connection.getStats()).entries());
    for (const report of reports.values()) {
      if (report.type === "inbound-rtp" && report.kind === "video") {
        found.frames += report.framesDecoded ?? 0;
        found.width = report.frameWidth ?? 0;
      }
      if (report.type === "inbound-rtp" && report.kind === "audio") found.energy += report.totalAudioEnergy ?? 0;
      if (report.type === "transport" && report.selectedCandidatePairId) {
        const pair = reports.get(report.selectedCandidatePairId);
        const local = reports.get(pair?.localCandidateId);
        found.local = local?.candidateType ?? "";
        found.remote = reports.get(pair?.remoteCandidateId)?.candidateType ?? "";
        found.protocol = local?.relayProtocol ?? local?.protocol ?? "";
      }
    }
    return found;
  }));
}
"""


@pytest.fixture(scope="session")
async def chromium(chromium_path) -> AsyncIterator[Browser]:
    """Provides a browser with simulated devices, for all tests of calls."""
    flags = [*CHROMIUM_FLAGS, *FAKE_DEVICES, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=flags)
        yield browser
        await browser.close()


class CallPage:
    """The browser page of one user who calls, with a conversation open. Its methods are actions of the user."""

    def __init__(self, page: Page, url: str):
        self.page, self.url = page, url

    async def open(self) -> None:
        await self.page.goto(self.url)
        await self.page.wait_for_selector("live-socket[data-state=open]", state="attached")

    async def start_call(self, media: str = "video") -> None:
        await self.page.click(f".call-tool[data-media={media}]")
        await self.page.click(".call-lobby [data-act=start]")

    async def answer(self, media: str = "video") -> None:
        await self.page.click(f".call-ring [data-act=answer][data-media={media}]")

    async def is_in_call(self, others: int = 1, within: float = 20) -> None:
        """Waits until the page is connected to this number of others."""
        selector = f".call[data-state=connected][data-others='{others}']"
        await self.page.wait_for_selector(selector, timeout=within * 1000)

    async def hang_up(self) -> None:
        await self.page.click(".call [data-act=hangup]")

    async def has_left(self, within: float = 10) -> None:
        await self.page.wait_for_selector(".call", state="detached", timeout=within * 1000)

    async def statistics(self) -> list[dict[str, Any]]:
        return await self.page.evaluate(STATISTICS)

    async def hears_and_sees(self, others: int = 1, frames: int = 10, within: float = 20, video: bool = True) -> None:
        """Waits until new pictures and sound have arrived from all others since the call of this method."""
        before = await self.statistics()
        started = time.monotonic()
        while True:
            await asyncio.sleep(0.2)
            now = await self.statistics()
            if len(now) == others and (len(before) != others):
                before = now
            gains = [
                (new["frames"] - old["frames"], new["energy"] - old["energy"])
                for old, new in zip(before, now, strict=False)
            ]
            if len(now) == others and all((got >= frames or not video) and energy > 0 for got, energy in gains):
                return
            assert time.monotonic() - started < within, f"no picture or no sound: {before} {now}"


@pytest.fixture
async def open_call_pages(browser_for):
    """Opens pages: `alice, bob = await open_call_pages(site, conversation_id, "alice", "bob")`."""

    async def make(site, conversation_id: int, *names: str, **options: Any) -> list[CallPage]:
        pages = []
        for name in names:
            page = await browser_for(site, name, permissions=["microphone", "camera"], **options)
            await page.add_init_script(RECORD_CONNECTIONS)
            pages.append(CallPage(page, f"/c/{conversation_id}/"))
        await asyncio.gather(*(each.open() for each in pages))
        return pages

    return make


class TurnServer(Program):
    """coturn (Debian's package `coturn`), as a TURN server with the secret of the site."""

    name = "turnserver"
    SECRET = "a secret of the tests alone"

    def __init__(self, folder: Path, executable: str):
        super().__init__(folder)
        self.executable = executable
        self.address = own_address()

    def command(self) -> list[str]:
        first_relay_port = 20_000 + self.port % 20_000
        options = {
            "listening-ip": self.address,
            "relay-ip": self.address,
            "listening-port": str(self.port),
            "min-port": str(first_relay_port),
            "max-port": str(first_relay_port + 60),
            "static-auth-secret": self.SECRET,
            "realm": "messenger.test",
            "userdb": str(self.folder / "turn.sqlite"),
            "pidfile": str(self.folder / "turn.pid"),
            "log-file": "stdout",
        }
        flags = ["--use-auth-secret", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers", "--fingerprint"]
        return [self.executable, "-n", *flags, *(f"--{name}={value}" for name, value in options.items())]

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), timeout=1):
            return True
        return False

    def variables(self, transport: str = "udp") -> dict[str, str]:
        """Returns the environment variables of a site that uses this server over UDP or TCP."""
        url = f"turn:{self.address}:{self.port}?transport={transport}"
        return {"TURN_URL": url, "TURN_SECRET": self.SECRET}


def own_address() -> str:
    """Returns an address of this machine that is not the loopback address: browsers gather no candidates there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


@pytest.fixture
def turn_server(tmp_path):
    """Provides a running coturn."""
    executable = require_program("turnserver", "coturn")
    folder = tmp_path / "turn"
    folder.mkdir()
    server = TurnServer(folder, executable)
    server.start()
    yield server
    server.resume()
    server.stop()
