"""Tests of docs/examples/echo_bot.py: it runs as a program against a real server that is killed several times."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid

import httpx
import pytest

from tests.databases import ROOT
from tests.servers import PASSWORD

BOT = ROOT / "docs" / "examples" / "echo_bot.py"


@pytest.fixture
def start_bot(site, tmp_path):
    """Returns a function that starts the bot as the user bob, and returns its process.

    If a test starts the bot again, it reads the same state file (bob.json) as before.
    """
    programs: list[subprocess.Popen] = []

    def start() -> subprocess.Popen:
        arguments = [sys.executable, BOT, site.url, "bob", PASSWORD, tmp_path / "bob.json"]
        with open(tmp_path / "bot.log", "a") as log:
            programs.append(subprocess.Popen(arguments, cwd=tmp_path, stdout=log, stderr=log))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
        program.wait()
    print((tmp_path / "bot.log").read_text()[-8000:])


class Questioner:
    """The user alice, who sends messages to a group with bob over the REST API.

    If a request fails, she sends it again until the server has stored the message.
    """

    def __init__(self, site, token: str):
        self.http = httpx.AsyncClient(
            base_url=f"{site.url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )

    async def create_group(self, *user_ids: int) -> None:
        group = {"kind": "group", "title": "Bots", "user_ids": list(user_ids)}
        self.path = f"conversations/{(await self.http.post('conversations/', json=group)).json()['id']}/messages/"

    async def ask(self, body: str) -> None:
        message = {"client_id": str(uuid.uuid4()), "body": body}
        async with asyncio.timeout(60):
            while True:
                try:
                    response = await self.http.post(self.path, json=message)
                    if response.is_success:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)

    async def list_messages(self) -> list[dict]:
        messages: list[dict] = []
        while True:
            after = messages[-1]["seq"] if messages else 0
            page = (await self.http.get(f"{self.path}?after={after}")).json()
            messages += page["results"]
            if not page["has_after"]:
                return messages

    async def wait_for_answers(self, count: int) -> list[dict]:
        """Waits until the group has `count` answers of the bot. Returns all messages of the group.

        Then waits two more seconds before it loads the messages, so that an answer sent twice by mistake is found too.
        """
        async with asyncio.timeout(60):
            while len(self.answers(await self.list_messages())) < count:
                await asyncio.sleep(0.2)
        await asyncio.sleep(2)
        return await self.list_messages()

    @staticmethod
    def answers(messages: list[dict]) -> list[dict]:
        return [message for message in messages if message["sender"]["username"] == "bob"]


def assert_each_mention_is_answered_once(messages: list[dict]) -> None:
    mentions = [message["id"] for message in messages if message["mentions"] and message["sender"]["username"] != "bob"]
    assert [message["reply_to"]["id"] for message in Questioner.answers(messages) if message["reply_to"]] == mentions


async def make_questioner(site, each_server: str):
    server = await asyncio.to_thread(site.start, each_server)
    _alice, bob = await asyncio.to_thread(site.create_users, "alice", "bob")
    questioner = Questioner(site, site.create_token("alice"))
    await questioner.create_group(bob.pk)
    return server, questioner


async def test_the_bot_answers_each_mention_once_although_the_server_is_killed(site, each_server, start_bot):
    server, questioner = await make_questioner(site, each_server)
    await questioner.ask("@bob before the bot runs")
    bot = start_bot()
    for turn in range(3):
        asking = asyncio.create_task(ask_all(questioner, [f"@bob question {turn}.{n}" for n in range(10)]))
        await questioner.ask(f"nobody is asked here {turn}")
        await asyncio.sleep(0.3 * (turn + 1))
        await asyncio.to_thread(server.kill)  # kill -9, while questions and answers are under way
        await asyncio.to_thread(server.start)
        await asking
    messages = await questioner.wait_for_answers(31)
    assert bot.poll() is None
    assert_each_mention_is_answered_once(messages)
    assert len(questioner.answers(messages)) == 31


async def test_a_killed_bot_continues_where_it_was(site, start_bot):
    _server, questioner = await make_questioner(site, "daphne")
    bot = start_bot()
    asking = asyncio.create_task(ask_all(questioner, [f"@bob question {n}" for n in range(40)]))
    for _ in range(3):
        await asyncio.sleep(0.7)
        await asyncio.to_thread(bot.kill)
        bot = start_bot()
    await asking
    await questioner.ask("@bob asked while it runs again")
    assert_each_mention_is_answered_once(await questioner.wait_for_answers(41))


async def test_the_bot_refreshes_its_token_and_signs_in_again_after_its_sign_in_has_ended(site, start_bot):
    """The access token lives for one minute only, so the bot must refresh it before every request.

    Then bob is signed out from another device, so the bot must sign in again.
    """
    server = await asyncio.to_thread(site.start, "daphne", ACCESS_TOKEN_MINUTES="1")
    _alice, bob = await asyncio.to_thread(site.create_users, "alice", "bob")
    questioner = Questioner(site, site.create_token("alice"))
    await questioner.create_group(bob.pk)
    bot = start_bot()
    await questioner.ask("@bob with a refreshed token")
    await questioner.wait_for_answers(1)
    async with httpx.AsyncClient(base_url=f"{site.url}/api/v1/") as other_device:
        other_device.headers["Authorization"] = f"Bearer {site.create_token('bob')}"
        assert (await other_device.delete("sessions/")).status_code == 204
    await questioner.ask("@bob after you were signed out")
    assert_each_mention_is_answered_once(await questioner.wait_for_answers(2))
    assert bot.poll() is None and server


async def ask_all(questioner: Questioner, bodies: list[str]) -> None:
    for body in bodies:
        await questioner.ask(body)
