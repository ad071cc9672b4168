"""A real day, watched by two browsers, while the servers are killed: `python -m tests.replay.replay_with_kills DAY.txt`.

By itself with nothing configured, or with `--engines`: PostgreSQL, Redis and two server processes behind one address.
Prints what the replay says, and whether both screens showed every line once, in the order of the database.
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


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("day", type=Path)
    parser.add_argument("--engines", action="store_true", help="PostgreSQL, Redis, two processes")
    parser.add_argument("--server", default="daphne")
    parser.add_argument("--speed", default="0")
    return parser.parse_args()


async def main(options: argparse.Namespace) -> int:
    from playwright.async_api import async_playwright

    from chat.models import Message
    from tests.browsers import DESKTOP, PHONE, QUIET, sign_in
    from tests.databases import shipped_environment
    from tests.servers import PASSWORD, ROOT, Site
    from tests.services import Register

    register = Register()
    folder = Path(tempfile.mkdtemp(prefix="messenger-day-"))
    postgres = register.get("postgres") if options.engines else None
    redis_url = register.get("redis").url if options.engines else ""
    site = Site(folder, postgres, redis_url, True, contextlib.nullcontext, {"LIMITS": "off"})
    try:
        servers = [site.start(options.server) for _ in range(2 if options.engines else 1)]
        site.people("phone")
        command = [sys.executable, "manage.py", "replay_irc", str(options.day.resolve()), "--url", site.url]
        command += ["--speed", options.speed, "--password", PASSWORD]
        environment = shipped_environment(**site.environment, PORT="0")
        replay = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)

        def stored() -> int:
            with site.orm():
                return Message.objects.filter(kind="text").count()

        while stored() < 20:
            await asyncio.sleep(0.3)
        with site.orm():
            from accounts.models import User
            from chat import actions

            room = Message.objects.filter(kind="text").first().conversation_id
            owner = User.objects.get(username="watcher")
            phone_user = User.objects.get(username="phone")
            actions.add_members(owner.pk, room, [phone_user.pk])
        async with async_playwright() as playwright:
            flags = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else list(QUIET)
            browser = await playwright.chromium.launch(executable_path=register.get("chromium").path, args=flags)
            pages, troubles = [], []
            for name, size in (("watcher", DESKTOP), ("phone", PHONE)):
                context = await browser.new_context(base_url=site.url, viewport=size, is_mobile=size is PHONE)
                await sign_in(context, name)
                page = await context.new_page()
                page.on("pageerror", lambda error: troubles.append(str(error)))
                await page.goto(f"/c/{room}/")
                first = await page.locator("message-log li.msg").first.get_attribute("data-seq")
                pages.append((name, page, int(first or 1)))
            began = time.monotonic()
            kills = 0
            while replay.poll() is None:
                await asyncio.sleep(0.5)
                lines = stored()
                if kills < 2 and lines > 500 * (kills + 1):
                    victim = servers[kills % len(servers)]
                    victim.kill()
                    print(f"killed a server after {lines} lines")
                    await asyncio.sleep(1)
                    await asyncio.to_thread(victim.start)
                    kills += 1
            print(replay.stdout.read() if replay.stdout else "")
            print(f"watched for {time.monotonic() - began:.0f} s, servers killed {kills} times")
            good = replay.returncode == 0 and kills == 2 and not troubles
            for name, page, first in pages:
                good = await _same(site, name, page, room, first) and good
            print("page errors:", troubles or "none")
            await browser.close()
        return 0 if good else 1
    finally:
        site.end()
        register.end()


async def _same(site, name, page, room: int, first: int) -> bool:
    """Whether the screen shows what the database has, from the line on which it began."""
    from chat.models import Message

    with site.orm():
        rows = Message.objects.filter(conversation_id=room, kind="text", seq__gte=first).order_by("seq")
        expected = list(rows.values_list("seq", flat=True))
    for _ in range(40):
        shown = await page.eval_on_selector_all("message-log li.msg", "all => all.map((each) => +each.dataset.seq)")
        if shown == expected[-len(shown) :] and shown[-1] == expected[-1]:
            break
        await asyncio.sleep(0.5)
    same = shown == expected[-len(shown) :] and len(shown) == len(set(shown)) and shown[-1] == expected[-1]
    verdict = "equal" if same else "DIFFERENT"
    print(f"{name}: {len(shown)} lines on the screen of {len(expected)} since it opened, {verdict}")
    return same


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # this script has no other work to do meanwhile
    django.setup()
    sys.exit(asyncio.run(main(arguments())))
