"""The changes that the reload test makes while the page of alice is open, by all users and from several devices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from playwright.async_api import Page

from tests.browser.other_devices import Device, make_png, make_wav
from tests.servers import PASSWORD

TIMEOUT = 8.0  # seconds for events to arrive, read markers to be reported, and typing to end by itself


class Scenario:
    """The open page of alice, and simulated devices on which alice and other users make changes.

    `frames` are all frames (WebSocket messages) that alice's page has received. `message_ids` has the id of each message
    that was sent, by its text.
    """

    alice: Device
    bob: Device
    carol: Device
    dave: Device
    group: int
    direct_conversation: int
    group_of_bob: int
    page_without_scripts: Page
    reloaded_page: Page

    def __init__(self, site: Any, page: Page, open_browser: Callable):
        self.site, self.page, self.open_browser = site, page, open_browser
        self.message_ids: dict[str, int] = {}
        self.frames: list[dict] = []
        page.on("websocket", lambda socket: socket.on("framereceived", self._record_frame))

    def _record_frame(self, text: str | bytes) -> None:
        self.frames.append(json.loads(text))

    async def send(self, sender: Device, body: str, **options: Any) -> None:
        message = await sender.send(self.group, body, **options)
        self.message_ids[body] = message["id"]

    def message_path(self, body: str, suffix: str = "") -> str:
        return f"messages/{self.message_ids[body]}/{suffix}"

    @property
    def group_path(self) -> str:
        return f"conversations/{self.group}/"

    @property
    def direct_path(self) -> str:
        return f"conversations/{self.direct_conversation}/"

    async def update_member_state(self, **changes: Any) -> None:
        await self.alice.patch(f"{self.group_path}mine/", **changes)

    async def run_with_orm(self, action: Callable[[], Any]) -> Any:
        def run() -> Any:
            with self.site.orm():
                return action()

        return await asyncio.to_thread(run)


async def _send_file(scenario: Scenario, sender: Device, name: str, content: bytes, body: str, **metadata: str) -> None:
    await scenario.send(sender, body, attachment_ids=[await sender.upload(content, name, **metadata)])


async def _send_several_files(scenario: Scenario) -> None:
    files = [await scenario.bob.upload(make_png(colour), f"{colour}.png") for colour in ("red", "blue")]
    await scenario.send(scenario.bob, "", attachment_ids=[*files, await scenario.bob.upload(b"one,two\n", "table.csv")])


async def _forward_from_direct_conversation(scenario: Scenario) -> None:
    message = await scenario.bob.send(scenario.direct_conversation, "said between us")
    await scenario.send(scenario.alice, "", forward_id=message["id"])


async def _restore_message(scenario: Scenario) -> None:
    from accounts.models import User
    from chat import actions

    def action() -> None:
        User.objects.filter(pk=scenario.dave.pk).update(is_superuser=True)
        actions.restore_message(scenario.dave.pk, scenario.message_ids["rude"])
        User.objects.filter(pk=scenario.dave.pk).update(is_superuser=False)

    await scenario.run_with_orm(action)  # there is no REST route for it: moderators restore messages on a page


async def _remove_expired_messages(scenario: Scenario) -> None:
    """Makes the first messages of the group older than it keeps them, and lets the task remove them."""

    from django.db.models import F

    from chat.actions.retention import remove_expired_messages
    from chat.models import Message

    def action() -> None:
        hello = Message.objects.get(pk=scenario.message_ids["hello"])
        first_messages = Message.objects.filter(conversation=scenario.group, seq__lte=hello.seq)
        first_messages.update(created_at=F("created_at") - timedelta(days=400))
        assert remove_expired_messages() == hello.seq

    await scenario.run_with_orm(action)


async def _add_alice_to_group_of_bob(scenario: Scenario) -> None:
    group = await scenario.bob.post("conversations/", kind="group", title="Bob's", user_ids=[scenario.carol.pk])
    scenario.group_of_bob = group["id"]
    await scenario.bob.send(group["id"], "before alice")
    await scenario.bob.post(f"conversations/{group['id']}/members/", user_ids=[scenario.alice.pk])


async def _join_by_invite_link(scenario: Scenario, creator: Device) -> None:
    link = await creator.post(f"{scenario.group_path}invites/")
    await scenario.dave.post(f"invites/{link['token']}/")


async def _decide_join_requests(scenario: Scenario) -> None:
    """Dave asks to join the group again, and alice lets him in."""
    await scenario.alice.delete(f"{scenario.group_path}members/{scenario.dave.pk}/")
    await _join_by_invite_link(scenario, scenario.alice)
    await scenario.alice.put(f"{scenario.group_path}join-requests/{scenario.dave.pk}/")


async def _send_from_page(scenario: Scenario, body: str) -> None:
    """Sends a message in the open page of alice and waits until it is stored."""
    await scenario.page.fill("message-composer textarea", body)
    await scenario.page.press("message-composer textarea", "Enter")
    item = scenario.page.locator("message-log li.mine[data-seq]:not(.pending)", has_text=body).last
    await item.wait_for()
    scenario.message_ids[body] = int(await item.get_attribute("data-id") or 0)


async def _go_offline(scenario: Scenario) -> None:
    """Closes the connection of bob, and waits until alice's page knows that he is offline and since when."""
    await scenario.bob.go_offline()
    end = asyncio.get_running_loop().time() + 20
    while not any(
        frame["type"] == "presence" and frame["payload"]["user_id"] == scenario.bob.pk and frame["payload"]["last_seen"]
        for frame in scenario.frames
    ):
        assert asyncio.get_running_loop().time() < end, "the page was not told that bob is offline"
        await asyncio.sleep(0.1)


async def _change_while_offline(scenario: Scenario) -> None:
    """Takes the browser of alice offline, makes changes as bob, and takes the browser online again.

    Waits until the server knows that alice has read the message that she missed. A later test step marks messages as
    unread; if the browser reported the message as read after that, the step would have no effect.
    """
    await scenario.page.context.set_offline(True)
    await scenario.bob.send(scenario.group, "you were away")
    await scenario.bob.patch(scenario.group_path, description="About what you missed")
    await scenario.page.context.set_offline(False)
    async with asyncio.timeout(TIMEOUT):
        while (await scenario.alice.get(scenario.group_path))["mine"]["unread_count"]:
            await asyncio.sleep(0.1)


Change = Callable[[Scenario], Awaitable[Any]]

CHANGES: dict[str, Change] = {
    # ── messages ───
    "bob sends a message": lambda s: s.send(s.bob, "something new"),
    "bob sends another message, with formatting": lambda s: s.send(
        s.bob, "and **more** of it, with `code` and https://example.org/a"
    ),
    "carol sends a code block": lambda s: s.send(s.carol, "```python\nprint(1)\n```"),
    "alice sends a message on this page": lambda s: _send_from_page(s, "said on this page"),
    "alice sends another message on this page": lambda s: _send_from_page(s, "and one more line"),
    "alice sends a message from another device": lambda s: s.send(s.alice, "from my other device"),
    "a message of one emoji": lambda s: s.send(s.bob, "🎉"),
    "a long message": lambda s: s.send(s.carol, "word and word again\n" * 60),
    "a message in Hebrew": lambda s: s.send(s.carol, "שלום לכולם"),
    "a message in Chinese": lambda s: s.send(s.carol, "晚上见，记得带钥匙"),
    "a reply": lambda s: s.send(s.bob, "an answer", reply_to_id=s.message_ids["from my other device"]),
    "a second reply": lambda s: s.send(s.carol, "another answer", reply_to_id=s.message_ids["from my other device"]),
    "a reply to a message in Chinese": lambda s: s.send(s.bob, "yes", reply_to_id=s.message_ids["晚上见，记得带钥匙"]),
    "a message of another conversation is forwarded": _forward_from_direct_conversation,
    "a message of carol is forwarded": lambda s: s.send(s.alice, "", forward_id=s.message_ids["another answer"]),
    "a mention of alice": lambda s: s.send(s.carol, "@alice, look"),
    "a mention of bob and of all": lambda s: s.send(s.alice, "@bob and @all"),
    # ── changes of messages ───
    "bob edits a message": lambda s: s.bob.patch(s.message_path("something new"), body="something newer"),
    "alice edits a message": lambda s: s.alice.patch(s.message_path("said on this page"), body="said there, mended"),
    "a quoted message is edited": lambda s: s.alice.patch(s.message_path("from my other device"), body="changed"),
    "bob reacts": lambda s: s.bob.put(s.message_path("from my other device", "reactions/👍/")),
    "alice adds the same reaction": lambda s: s.alice.put(s.message_path("from my other device", "reactions/👍/")),
    "carol adds another reaction": lambda s: s.carol.put(s.message_path("from my other device", "reactions/🎉/")),
    "bob removes the reaction": lambda s: s.bob.delete(s.message_path("from my other device", "reactions/👍/")),
    "a message is pinned": lambda s: s.alice.put(s.message_path("something new", "pin/")),
    "a second message is pinned": lambda s: s.bob.put(s.message_path("an answer", "pin/")),
    "a message is unpinned": lambda s: s.alice.delete(s.message_path("something new", "pin/")),
    "bob deletes a message": lambda s: s.bob.delete(
        s.message_path("and **more** of it, with `code` and https://example.org/a")
    ),
    "a pinned message is deleted": lambda s: s.bob.delete(s.message_path("an answer")),
    "alice deletes a quoted message": lambda s: s.alice.delete(s.message_path("from my other device")),
    "a reply to a deleted message is edited": lambda s: s.carol.patch(
        s.message_path("another answer"), body="to what is gone"
    ),
    "carol sends a rude message": lambda s: s.send(s.carol, "rude"),
    "an owner deletes the message of a member": lambda s: s.alice.delete(s.message_path("rude")),
    "a moderator restores it": _restore_message,
    "the newest message is deleted": lambda s: s.carol.delete(s.message_path("rude")),
    # ── files ───
    "a picture with a text": lambda s: _send_file(s, s.bob, "beach.png", make_png(), "look at this", alt="A beach"),
    "files without a text": _send_several_files,
    "a sound": lambda s: _send_file(s, s.bob, "waves.wav", make_wav(), "", duration="1.0"),
    "a voice message": lambda s: _send_file(
        s, s.bob, "Voice message 2026-11-28 12.24.ogg", make_wav(), "", duration="1.0"
    ),
    "alice sends a text file": lambda s: _send_file(s, s.alice, "notes.txt", b"one\ntwo\n", ""),
    # ── members ───
    "alice adds dave": lambda s: s.alice.post(f"{s.group_path}members/", user_ids=[s.dave.pk]),
    "dave leaves": lambda s: s.dave.delete(f"{s.group_path}members/{s.dave.pk}/"),
    "dave joins by an invite link of alice": lambda s: _join_by_invite_link(s, s.alice),
    "alice removes dave": lambda s: s.alice.delete(f"{s.group_path}members/{s.dave.pk}/"),
    "bob becomes an admin": lambda s: s.alice.patch(f"{s.group_path}members/{s.bob.pk}/", role="admin"),
    "carol becomes an admin": lambda s: s.alice.patch(f"{s.group_path}members/{s.carol.pk}/", role="admin"),
    "bob adds dave": lambda s: s.bob.post(f"{s.group_path}members/", user_ids=[s.dave.pk]),
    "dave leaves again": lambda s: s.dave.delete(f"{s.group_path}members/{s.dave.pk}/"),
    "dave joins by an invite link of bob": lambda s: _join_by_invite_link(s, s.bob),
    "alice approves new members": lambda s: s.alice.patch(s.group_path, joins_need_approval=True),
    "alice lets dave in": _decide_join_requests,
    "alice no longer approves them": lambda s: s.alice.patch(s.group_path, joins_need_approval=False),
    "carol is no longer an admin": lambda s: s.alice.patch(f"{s.group_path}members/{s.carol.pk}/", role="member"),
    "alice mutes carol": lambda s: s.alice.put(f"{s.group_path}members/{s.carol.pk}/mute/", seconds=3600),
    "alice lets carol write again": lambda s: s.alice.put(f"{s.group_path}members/{s.carol.pk}/mute/", seconds=0),
    "alice turns slow mode on": lambda s: s.alice.patch(s.group_path, slow_mode=10),
    "alice turns slow mode off": lambda s: s.alice.patch(s.group_path, slow_mode=0),
    "alice lets messages be removed after a year": lambda s: s.alice.patch(s.group_path, retention_days=365),
    "the first messages are removed by age": _remove_expired_messages,
    # ── the group ───
    "the title changes": lambda s: s.alice.patch(s.group_path, title="Another room"),
    "the description changes": lambda s: s.bob.patch(s.group_path, description="About rooms"),
    "the group gets a photo": lambda s: s.bob.upload_avatar(f"{s.group_path}avatar/", "purple"),
    "the photo of the group is removed": lambda s: s.alice.delete(f"{s.group_path}avatar/"),
    "an announcement": lambda s: s.bob.patch(s.group_path, announcement="Tonight at ten. https://example.org/"),
    "alice hides the announcement on another device": lambda s: s.update_member_state(announcement_seen=2**31),
    "another announcement": lambda s: s.bob.patch(s.group_path, announcement="Tomorrow at ten."),
    "the announcement is removed": lambda s: s.bob.patch(s.group_path, announcement=""),
    "members may not add people": lambda s: s.alice.patch(s.group_path, members_may_add=False),
    "members may not pin": lambda s: s.alice.patch(s.group_path, members_may_pin=False),
    "members may not see revisions": lambda s: s.alice.patch(s.group_path, revisions_visible=False),
    # ── read markers and receipts ───
    "carol receives all messages": lambda s: s.carol.post("sync/", cursors={}, me=0),
    "bob reads some messages": lambda s: s.bob.post(f"{s.group_path}read/", seq=5),
    "bob reads all messages": lambda s: s.bob.post(f"{s.group_path}read/", seq=10**6),
    "carol reads all messages": lambda s: s.carol.post(f"{s.group_path}read/", seq=10**6),
    "carol hides receipts": lambda s: s.carol.patch("me/", show_receipts="nobody"),
    "carol shows receipts": lambda s: s.carol.patch("me/", show_receipts="everyone"),
    "alice hides receipts in this conversation": lambda s: s.update_member_state(receipts=False),
    "alice shows receipts in this conversation": lambda s: s.update_member_state(receipts=True),
    # ── the member state of alice ───
    "a draft on another device": lambda s: s.update_member_state(draft="half a sentence"),
    "the draft is sent there": lambda s: s.update_member_state(draft=""),
    "the group is muted": lambda s: s.update_member_state(muted=True),
    "the group becomes a favourite": lambda s: s.update_member_state(favourite=True, muted=False),
    "only mentions notify": lambda s: s.update_member_state(level="mentions"),
    "all messages notify": lambda s: s.update_member_state(level="all"),
    "the group is archived": lambda s: s.update_member_state(archived=True),
    "the group is unarchived": lambda s: s.update_member_state(archived=False),
    # ── other conversations ───
    "a message in another conversation": lambda s: s.bob.send(s.direct_conversation, "over here"),
    "a mention in another conversation": lambda s: s.bob.send(s.direct_conversation, "@alice, are you there?"),
    "the other conversation is muted": lambda s: s.alice.patch(f"{s.direct_path}mine/", muted=True),
    "alice reads it on another device": lambda s: s.alice.post(f"{s.direct_path}read/", seq=10**6),
    "alice marks it as unread": lambda s: s.alice.post(f"{s.direct_path}read/", seq=1, back=True),
    "a draft in the other conversation": lambda s: s.alice.patch(f"{s.direct_path}mine/", draft="an answer begun"),
    "the other conversation is archived": lambda s: s.alice.patch(f"{s.direct_path}mine/", archived=True, draft=""),
    "a message unarchives it": lambda s: s.bob.send(s.direct_conversation, "still there?"),
    "bob adds alice to another group": _add_alice_to_group_of_bob,
    "that group gets a Chinese title": lambda s: s.bob.patch(f"conversations/{s.group_of_bob}/", title="翻译组"),
    "a message in that group": lambda s: s.carol.send(s.group_of_bob, "hello alice"),
    "that group gets a photo": lambda s: s.bob.upload_avatar(f"conversations/{s.group_of_bob}/avatar/", "olive"),
    "alice becomes an admin of that group": lambda s: s.bob.patch(
        f"conversations/{s.group_of_bob}/members/{s.alice.pk}/", role="admin"
    ),
    "alice is removed from that group": lambda s: s.bob.delete(f"conversations/{s.group_of_bob}/members/{s.alice.pk}/"),
    "alice opens a direct conversation on another device": lambda s: s.alice.post(
        "conversations/", kind="direct", user_id=s.carol.pk
    ),
    # ── profiles and contacts ───
    "bob changes his name": lambda s: s.bob.patch("me/", name="Robert"),
    "bob adds a photo": lambda s: s.bob.upload_avatar("me/avatar/", "navy"),
    "bob removes his photo": lambda s: s.bob.delete("me/avatar/"),
    "alice changes her name": lambda s: s.alice.patch("me/", name="Alice of Rooms", bio="Rooms."),
    "alice changes her name again": lambda s: s.alice.patch("me/", name="Alice", bio="Rooms and gardens."),
    "alice adds a photo": lambda s: s.alice.upload_avatar("me/avatar/", "gold"),
    "alice switches to the dark theme": lambda s: s.alice.patch("me/", theme="dark"),
    "alice accepts messages from contacts only": lambda s: s.alice.patch(
        "me/", write_to_me="contacts", add_me="contacts"
    ),
    "dave sends a contact request": lambda s: s.dave.put(f"contacts/{s.alice.pk}/"),
    "alice accepts the request": lambda s: s.alice.put(f"contacts/{s.dave.pk}/"),
    "alice blocks carol": lambda s: s.alice.put(f"blocks/{s.carol.pk}/"),
    "a blocked user sends a message": lambda s: s.send(s.carol, "folded away"),
    "alice unblocks carol": lambda s: s.alice.delete(f"blocks/{s.carol.pk}/"),
    # ── presence ───
    "bob comes online": lambda s: s.bob.go_online(),
    "bob views the group": lambda s: s.bob.view(s.group),
    "carol views the group": lambda s: s.carol.view(s.group),
    "bob types": lambda s: s.bob.post(f"{s.group_path}typing/", active=True),
    "carol types": lambda s: s.carol.post(f"{s.group_path}typing/", active=True),
    "bob types in the direct conversation": lambda s: s.bob.post(f"{s.direct_path}typing/", active=True),
    "bob views the direct conversation": lambda s: s.bob.view(s.direct_conversation),
    "carol goes offline": lambda s: s.carol.go_offline(),
    "bob goes offline": _go_offline,
    "changes while the page is offline": _change_while_offline,
    # ── the end of the membership ───
    "the group is marked as unread": lambda s: s.alice.post(f"{s.group_path}read/", seq=6, back=True),
    "alice transfers the ownership": lambda s: s.alice.patch(f"{s.group_path}members/{s.bob.pk}/", role="owner"),
    "alice is removed from the group": lambda s: s.bob.delete(f"{s.group_path}members/{s.alice.pk}/"),
}


# Changes while alice has her direct conversation with bob open.
async def _delete_account_of_bob(scenario: Scenario) -> None:
    """Deletes the account of bob through the web pages of the running server, not in the process of the test.

    Some events of this deletion are not stored in the database, so only the server process can send them to WebSockets.
    """
    page = await scenario.open_browser(scenario.site, "bob")
    await page.goto("/settings/delete/")
    if await page.locator("main input[name=password]").count():
        await page.fill("main input[name=password]", PASSWORD)
        await page.press("main input[name=password]", "Enter")
    await page.fill("main input[name=username]", "bob")
    await page.click("main .btn.danger")
    await page.wait_for_url("**/goodbye/")
    await scenario.page.wait_for_function("() => document.title.includes('Deleted account')")


DIRECT_CONVERSATION_CHANGES: dict[str, Change] = {
    "bob sends the last message in the group": lambda s: s.send(s.bob, "good night all"),
    "alice writes to bob": lambda s: s.alice.send(s.direct_conversation, "are you there?"),
    "bob reads it": lambda s: s.bob.post(f"{s.direct_path}read/", seq=10**6),
    "bob changes his name": lambda s: s.bob.patch("me/", name="e $& <Robert>"),
    "bob adds a photo": lambda s: s.bob.upload_avatar("me/avatar/", "navy"),
    "bob removes his photo": lambda s: s.bob.delete("me/avatar/"),
    "bob changes his name again": lambda s: s.bob.patch("me/", name="Bobby"),
    "bob sends the last message here": lambda s: s.bob.send(s.direct_conversation, "I am"),
    "alice answers": lambda s: s.alice.send(s.direct_conversation, "good"),
    "bob reads the answer": lambda s: s.bob.post(f"{s.direct_path}read/", seq=10**6),
    "bob deletes his account": _delete_account_of_bob,
}
