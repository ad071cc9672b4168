"""Sends a recorded day of chat to a site again, while two browsers are open, and kills server processes meanwhile.

Usage: `python -m tests.replay.replay_with_kills DAY.txt`. The site has SQLite and one server process. With `--engines`
it has PostgreSQL, Redis and two server processes behind one address. Prints a report of what was sent, and whether both
browsers showed each message once and in the order of the database.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import django


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("day", type=Path)
    parser.add_argument("--engines", action="store_true", help="PostgreSQL, Redis, two processes")
    parser.add_argument("--server", default="daphne")
    parser.add_argument("--speed", default="0")
    return parser.parse_args()


async def main(options: argparse.Namespace) -> int:
    from playwright.async_api import async_playwright

    from chat.models import Message
    from tests.browsers import CHROMIUM_FLAGS, DESKTOP, PHONE, sign_in
    from tests.servers import PASSWORD, ROOT, Site
    from tests.services import ServiceRegistry

    registry = ServiceRegistry()
    folder = Path(tempfile.mkdtemp(prefix="messenger-day-"))
    postgres = registry.get("postgres") if options.engines else None
    redis_url = registry.get("redis").url if options.engines else ""
    site = Site(folder, postgres, redis_url, True, contextlib.nullcontext, {"LIMITS": "off"})
    try:
        servers = [site.start(options.server) for _ in range(2 if options.engines else 1)]
        site.create_users("phone")
        command = [sys.executable, "-m", "tools.irc_replay", str(options.day.resolve()), "--url", site.url]
        command += ["--speed", options.speed, "--password", PASSWORD]
        replay = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

        def count_stored() -> int:
            with site.orm():
                return Message.objects.filter(kind="text").count()

        while count_stored() < 20:
            await asyncio.sleep(0.3)
        with site.orm():
            from accounts.models import User
            from chat import actions

            conversation_id = Message.objects.filter(kind="text").first().conversation_id
            owner = User.objects.get(username="watcher")
            phone_user = User.objects.get(username="phone")
            actions.add_members(owner.pk, conversation_id, [phone_user.pk])
        async with async_playwright() as playwright:
            flags = [*CHROMIUM_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(CHROMIUM_FLAGS)
            browser = await playwright.chromium.launch(executable_path=registry.get("chromium").path, args=flags)
            pages, page_errors = [], []
            for name, size in (("watcher", DESKTOP), ("phone", PHONE)):
                context = await browser.new_context(base_url=site.url, viewport=size, is_mobile=size is PHONE)
                await sign_in(context, name)
                page = await context.new_page()
                page.on("pageerror", lambda error: page_errors.append(str(error)))
                await page.goto(f"/c/{conversation_id}/")
                first = await page.locator("message-log li.msg").first.get_attribute("data-seq")
                pages.append((name, page, int(first or 1)))
            started_at = time.monotonic()
            kills = 0
            while replay.poll() is None:
                await asyncio.sleep(0.5)
                message_count = count_stored()
                if kills < 2 and message_count > 500 * (kills + 1):
                    server = servers[kills % len(servers)]
                    server.kill()
                    print(f"killed a server after {message_count} messages")
                    await asyncio.sleep(1)
                    await asyncio.to_thread(server.start)
                    kills += 1
            print(replay.stdout.read() if replay.stdout else "")
            print(f"ran for {time.monotonic() - started_at:.0f} s, servers killed {kills} times")
            is_good = replay.returncode == 0 and kills == 2 and not page_errors
            for name, page, first_seq in pages:
                is_good = await _is_screen_equal(site, name, page, conversation_id, first_seq) and is_good
            print("page errors:", page_errors or "none")
            await browser.close()
        return 0 if is_good else 1
    finally:
        site.end()
        registry.end()


async def _is_screen_equal(site, name, page, conversation_id: int, first_seq: int) -> bool:
    """Returns True if the messages on a page are the newest messages in the database, each once and in order.

    Waits up to 20 seconds for messages that the page does not show yet. `first_seq` is the number of the first message
    that the page showed when it was opened.
    """
    from chat.models import Message

    with site.orm():
        rows = Message.objects.filter(conversation_id=conversation_id, kind="text", seq__gte=first_seq).order_by("seq")
        expected_seqs = list(rows.values_list("seq", flat=True))
    for _ in range(40):
        shown_seqs = await page.eval_on_selector_all(
            "message-log li.msg", "items => items.map((item) => +item.dataset.seq)"
        )
        if shown_seqs == expected_seqs[-len(shown_seqs) :] and shown_seqs[-1] == expected_seqs[-1]:
            break
        await asyncio.sleep(0.5)
    is_equal = (
        shown_seqs == expected_seqs[-len(shown_seqs) :]
        and len(shown_seqs) == len(set(shown_seqs))
        and shown_seqs[-1] == expected_seqs[-1]
    )
    verdict = "equal" if is_equal else "DIFFERENT"
    print(f"{name}: {len(shown_seqs)} messages on the screen of {len(expected_seqs)} since it opened, {verdict}")
    return is_equal


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # allows database queries in the event loop
    django.setup()
    sys.exit(asyncio.run(main(parse_arguments())))
