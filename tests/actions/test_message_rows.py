"""Tests of lists of messages, which are read as tuples: they contain the same as messages that are read one by one."""

from __future__ import annotations

import uuid

import msgspec

from chat import actions, selectors
from chat.attachments import uploads
from chat.models import Message


def test_a_page_of_messages_equals_the_messages_one_by_one(each_database, alice, bob, mallory, group):
    def send(user, body="", **fields):
        return actions.send_message(user.pk, group.pk, uuid.uuid4(), body, **fields)[0].id

    def upload(user, name):
        return uploads.store_upload(user.pk, name, 10, [b"some words"]).pk

    actions.update_group(alice.pk, group.pk, {"title": "New"})  # a system message
    with_mentions = send(bob, "hello @alice, **look**: `code`")
    with_files = send(alice, attachment_ids=[upload(alice, "a.txt"), upload(alice, "图.txt")])
    for quoted in (with_mentions, with_files):
        send(alice, "你好", reply_to_id=quoted)
    forwarded = send(bob, forward_id=with_files)
    deleted = send(bob, "gone @alice", reply_to_id=with_mentions)
    send(alice, "a reply to a deleted message", reply_to_id=deleted)
    for emoji, user in (("👍", bob), ("❤", alice), ("👍", alice)):
        actions.set_reaction(user.pk, with_files, emoji, True)
    actions.set_pinned(alice.pk, forwarded, True)
    actions.edit_message(bob.pk, with_mentions, "hello again @alice")
    actions.delete_message(bob.pk, deleted)
    Message.objects.filter(pk=send(bob, "without a fraction of a second")).update(created_at="2026-11-21T10:00:00Z")

    page = selectors.get_history(alice.pk, group.pk).results
    one_by_one = [selectors.get_message(alice.pk, message.id) for message in page]
    assert [message.kind for message in page] == ["system"] + ["text"] * 8
    assert msgspec.json.encode(page) == msgspec.json.encode(one_by_one)
    changes = selectors.get_changes(alice.pk, group.pk, 0).messages
    assert msgspec.json.encode(changes) == msgspec.json.encode(sorted(one_by_one, key=lambda message: message.version))
    assert selectors.get_history(alice.pk, group.pk, before=4, limit=2).results == page[1:3]
    assert selectors.get_history(alice.pk, group.pk, after=4, limit=2).results == page[4:6]
