"""Tests of the rate limits in settings.RATES.

Every action that sends something to other users has a rate limit there.
"""

from __future__ import annotations

import uuid
from itertools import count

import pytest
from django.test import Client

from accounts.actions import contacts, update_profile
from chat import actions, selectors
from chat.models import Conversation
from messenger.background import queue
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError
from messenger.protocol.contract import RATE_TEXTS

pytestmark = pytest.mark.usefixtures("transactional_db")  # a queue thread stores messages


@pytest.fixture
def limited(settings):
    settings.LIMITS = True
    # Refilled so slowly that a slow test run changes nothing.
    settings.RATES = {name: (min(burst, 5), 1e-6) for name, (burst, _) in settings.RATES.items()}
    settings.RATES["send"] = (10, 100.0)
    rate_limits.reset_all()
    yield settings.RATES
    rate_limits.reset_all()


@pytest.fixture
def message(alice, group):
    return actions.send_message(alice.pk, group.pk, uuid.uuid4(), "words")[0]


def count_allowed(call) -> int:
    """Calls `call` until it raises `rate_limited`, and returns how many calls were allowed."""
    for number in count():
        try:
            call(number)
        except ApplicationError as error:
            assert error.code == "rate_limited" and error.retry_after
            return number
        assert number < 100


def test_reactions_and_pins(alice, group, message, limited):
    def react(number):
        return actions.set_reaction(alice.pk, message.id, "👍", number % 2 == 0)

    assert count_allowed(react) == 5
    assert count_allowed(lambda number: actions.set_pinned(alice.pk, message.id, number % 2 == 0)) == 5


def test_deleted_messages(alice, group, limited):
    sent = [actions.send_message(alice.pk, group.pk, uuid.uuid4(), "words")[0] for _ in range(8)]
    assert count_allowed(lambda number: actions.delete_message(alice.pk, sent[number].id)) == 5


def test_reports(bob, message, limited):
    assert count_allowed(lambda number: actions.report_message(bob.pk, message.id, f"{number}")) == 5


def test_changes_of_a_group_share_one_limit(alice, bob, group, limited):
    def change(number):
        if number == 0:
            actions.update_group(alice.pk, group.pk, {"title": "another title"})
        elif number == 1:
            actions.update_group(alice.pk, group.pk, {"announcement": "news"})
        elif number in (2, 3):
            actions.set_role(alice.pk, group.pk, bob.pk, "admin" if number == 2 else "member")
        else:
            actions.remove_member(alice.pk, group.pk, bob.pk)

    assert count_allowed(change) == 5
    assert selectors.get_conversation(alice.pk, group.pk).member_count == 1


def test_new_direct_conversations(alice, make_user, limited):
    others = [make_user(f"user{number}") for number in range(7)]
    assert count_allowed(lambda number: actions.open_direct_conversation(alice.pk, others[number].pk)) == 5
    # Opening one that exists is not limited.
    assert actions.open_direct_conversation(alice.pk, others[0].pk)[1] is False


def test_changes_of_the_own_profile_that_others_are_told(alice, limited):
    assert count_allowed(lambda number: update_profile(alice.pk, {"name": f"Alice {number}"})) == 5
    update_profile(alice.pk, {"theme": "dark"})


def test_changes_of_who_may_see_presence_and_receipts(alice, bob, group, direct_conversation, limited):
    """Each block, contact and choice to show receipts sends presence or receipts to others."""

    def change_block(number):
        (contacts.unblock_user if number % 2 else contacts.block_user)(alice.pk, bob.pk)

    def change_contact(number):
        (contacts.remove_contact_or_request if number % 2 else contacts.add_contact)(alice.pk, bob.pk)

    def change_receipts(number):
        actions.update_member_state(alice.pk, group.pk, {"receipts": number % 2 == 1})

    for change in (change_contact, change_receipts, change_block):
        rate_limits.reset_all()
        assert count_allowed(change) == 5
    actions.update_member_state(alice.pk, group.pk, {"draft": "words", "muted": True})  # sent to nobody else


def test_several_changes_of_a_name_are_published_once_for_each_conversation(alice, group, direct_conversation):
    """A user changes his or her name four times. Each change queues a background task, which publishes the new name.

    The tasks run only after the last change. Then the newest name is published once in each conversation of the user.
    """
    versions_before = dict(Conversation.objects.values_list("pk", "version"))
    for number in range(4):
        update_profile(alice.pk, {"name": f"Alice {number}"})
    assert dict(Conversation.objects.values_list("pk", "version")) == versions_before
    queue.run_due()
    for conversation_id, version in versions_before.items():
        changes = selectors.get_changes(alice.pk, conversation_id, version)
        assert [member.user.name for member in changes.members if member.user.id == alice.pk] == ["Alice 3"]
        assert Conversation.objects.get(pk=conversation_id).version == version + 1


def test_sync(alice, group, limited):
    assert count_allowed(lambda number: selectors.sync_client(alice.pk, {}, 0, None)) == 5


def test_actions_of_background_tasks_are_not_limited(alice, limited):
    with rate_limits.suspended():
        for number in range(8):
            update_profile(alice.pk, {"name": f"Alice {number}"})
    assert count_allowed(lambda number: update_profile(alice.pk, {"name": f"Al {number}"})) == 5


def test_the_protocol_lists_all_rate_limits(settings):
    assert RATE_TEXTS.keys() == settings.RATES.keys()


# ── Files and addresses ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "path", ["/files/{0}/a.txt", "/files/{0}/thumbnails/320", "/avatars/{0}/a.webp", "/avatars/rooms/{0}/a.webp"]
)
def test_files_and_pictures_are_limited_for_each_user(alice, bob, limited, path):
    alices, bobs = Client(), Client()
    alices.force_login(alice)
    bobs.force_login(bob)
    answers = [alices.get(path.format(1)) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [404] * 5 + [429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert bobs.get(path.format(1)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("get", "/files/1/a.txt"), ("post", "/api/v1/presence/beat/"), ("get", f"/i/{'x' * 32}/")]
)
@pytest.mark.parametrize(
    ("addresses", "other"),
    [
        ([f"2001:db8:1:2:{n:x}::{n:x}" for n in range(6)], "2001:db8:1:3::1"),
        (["192.0.2.1", "::ffff:192.0.2.1"] * 3, "192.0.2.2"),
    ],
    ids=["IPv6 network", "mapped IPv4"],
)
def test_an_ipv6_network_counts_as_one_address(limited, method, path, addresses, other):
    codes = [getattr(Client(), method)(path, REMOTE_ADDR=address).status_code for address in addresses]
    assert 429 not in codes[:5] and codes[5] == 429
    assert getattr(Client(), method)(path, REMOTE_ADDR=other).status_code != 429
