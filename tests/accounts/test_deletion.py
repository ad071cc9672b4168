"""Tests that deleting an account does everything that the page /settings/delete/ announces.

One part is done at once, the other part in a background task. If the task crashes, it continues later and has the same
result.
"""

from __future__ import annotations

import uuid

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.test import Client

from accounts import actions as account_actions
from accounts.actions import contacts, deletion
from accounts.auth import tokens
from accounts.models import Relationship, SignIn, User
from accounts.selectors import contact_lists
from chat import actions, selectors
from chat.actions import account_deletion as chat_farewell
from chat.attachments import uploads
from chat.models import Attachment, Conversation, Membership, Mention, Message, Reaction, Revision
from messenger.core.errors import ApplicationError
from tests.servers import PASSWORD


def send_message(person, group, text="hello", **more):
    return actions.send_message(person.pk, group.pk, uuid.uuid4(), text, **more)[0]


def page_of(person) -> Client:
    """Returns a Django test client for requests to pages, signed in as the user.

    It has also just confirmed the user's password again, which pages for sensitive settings require.
    """
    client = Client()
    client.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def delete(client: Client, username: str = "alice", words: str = "stay"):
    return client.post("/settings/delete/", {"username": username, "words": words})


# ── Before the deletion ────────────────────────────────────────────────────────────────────────────────────────────
def test_deletion_requires_the_password(alice, transactional_db):
    client = Client()
    client.force_login(alice)
    for ask in (client.get, client.post):
        assert "/reauthenticate/" in ask("/settings/delete/", {"username": "alice", "words": "stay"}).url
    assert User.objects.get(pk=alice.pk).deleted_at is None


def test_a_wrong_user_name_is_a_field_error(alice, transactional_db):
    answer = delete(page_of(alice), "alicia", "take-back")
    page = answer.content.decode()
    assert answer.status_code == 422 and "This isn’t your username." in page
    assert 'value="alicia"' in page and 'value="take-back" checked' in page
    assert User.objects.get(pk=alice.pk).deleted_at is None


def test_the_page_shows_the_plan_of_the_deletion(
    alice, bob, carol, group, direct_conversation, transactional_db, django_assert_num_queries
):
    lonely = actions.create_group(alice.pk, "Lonely", []).id
    carols = actions.create_group(carol.pk, "Carol's", [alice.pk]).id
    file = uploads.store_upload(alice.pk, "plan.txt", 4, [b"plan"])
    send_message(alice, group, "", attachment_ids=[file.pk])
    with django_assert_num_queries(4):
        plan = chat_farewell.plan_account_deletion(alice.pk)
    assert [(owned.id, owned.successor and owned.successor.username) for owned in plan.owned_groups] == [
        (group.pk, "bob"),
        (lonely, None),
    ]
    assert (plan.direct_count, plan.group_count, plan.file_count, plan.file_bytes) == (1, 1, 1, 4)
    page = page_of(alice).get("/settings/delete/").content.decode()
    for words in (
        "will be transferred to Bob",
        "will be deleted: it has no other members",
        "1 direct chat stays",
        "You’ll leave 1 group",
        "1 file",
    ):
        assert words in page
    assert carols


def test_an_admin_inherits_a_group_before_an_older_member(alice, bob, carol, group, transactional_db):
    actions.add_members(alice.pk, group.pk, [carol.pk])
    actions.set_role(alice.pk, group.pk, carol.pk, "admin")
    assert chat_farewell.plan_account_deletion(alice.pk).owned_groups[0].successor.username == "carol"


def test_the_only_administrator_cannot_be_deleted(make_user, transactional_db):
    root = User.objects.create_superuser("root-of-all", password=PASSWORD)
    client = page_of(root)
    assert client.get("/settings/delete/").status_code == 403
    assert delete(client, "root-of-all").status_code == 403
    User.objects.create_superuser("other-root", password=PASSWORD)
    assert delete(client, "root-of-all").url == "/goodbye/"


# ── Immediate effects ──────────────────────────────────────────────────────────────────────────────────────────────
def test_personal_data_is_deleted_immediately(published_events, alice, bob, run_tasks):
    alice.email, alice.bio, alice.language = "alice@example.org", "likes boats", "zh-hans"
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    SocialAccount.objects.create(user=alice, provider="github", uid="1", extra_data={"login": "alice"})
    Authenticator.objects.create(user=alice, type=Authenticator.Type.RECOVERY_CODES, data={})
    log = {"content_type": ContentType.objects.get_for_model(User), "object_id": str(alice.pk), "action_flag": 2}
    LogEntry.objects.create(user=bob, object_repr="alice", change_message="Renamed alice", **log)
    token_pair = tokens.issue_token_pair(alice)
    client = page_of(alice)
    published_events.clear()
    answer = delete(client)
    assert answer.url == "/goodbye/" and "Account deleted" in client.get(answer.url).content.decode()
    assert [(cut.user_id, cut.code) for cut in published_events.disconnects()] == [(alice.pk, 4401)]
    row = User.objects.filter(pk=alice.pk).values().get()
    assert not any(word in str(value).lower() for value in row.values() for word in ("alice", "boats", "zh-hans"))
    assert not row["is_active"] and row["deleted_at"] and row["name"].startswith("Deleted account")
    for model in (EmailAddress, SocialAccount, Authenticator, SignIn):
        assert not model.objects.filter(user=alice).exists()
    assert not LogEntry.objects.filter(object_repr="alice").exists()
    assert client.get("/api/v1/me/").status_code == 401
    assert Client().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {token_pair.access}").status_code == 401
    assert [letter.to for letter in mail.outbox] == [["alice@example.org"]]


def test_signing_in_afterwards_is_the_same_as_for_an_unknown_user(alice, transactional_db):
    delete(page_of(alice))
    known = Client().post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert known.status_code == 200 and "Wrong username or password" in known.content.decode()
    by_new_name = Client().post("/accounts/login/", {"login": f"deleted-{alice.pk}", "password": PASSWORD})
    assert by_new_name.status_code == 200


def test_the_user_name_and_its_look_alikes_are_retired(alice, bob, transactional_db, api):
    delete(page_of(alice))
    for name in ("alice", "ALICE", "a1ice"):
        answer = api.send("post", "auth/signup/", {"username": name, "password": "a-long-one-77"})
        assert answer.status_code == 400 and "taken" in str(answer.json()["fields"]["username"])
    with pytest.raises(ApplicationError):
        account_actions.update_profile(bob.pk, {"username": "alice"})


def test_the_placeholder_name_of_deleted_users_cannot_be_registered(api, transactional_db):
    answer = api.send("post", "auth/signup/", {"username": "Deleted-7", "password": "a-long-one-77"})
    assert answer.status_code == 400 and "reserved" in str(answer.json())


def test_requests_to_join_groups_are_taken_back(alice, carol, group, transactional_db, run_tasks):
    actions.update_group(alice.pk, group.pk, {"joins_need_approval": True})
    actions.join_by_invite(carol.pk, actions.create_invite(alice.pk, group.pk).token)
    delete(page_of(carol), "carol")
    run_tasks()
    group.refresh_from_db()
    assert group.join_request_count == 0
    assert selectors.list_join_requests(alice.pk, group.pk) == ([], None)


def test_contacts_requests_and_blocks_of_others_are_removed(published_events, alice, bob, carol, transactional_db):
    contacts.add_contact(bob.pk, alice.pk)
    contacts.block_user(carol.pk, alice.pk)
    account_actions.update_profile(carol.pk, {"write_to_me": "contacts"})
    contacts.add_contact(alice.pk, bob.pk)
    published_events.clear()
    deletion.erase_account(alice.pk)
    assert contact_lists.list_contacts(bob.pk).contacts == [] and contact_lists.list_blocked(carol.pk) == []
    assert User.objects.get(pk=carol.pk).blocked_ids == []
    assert not Relationship.objects.filter(user=alice).exists()
    assert (
        "contact.updated" in published_events.for_user(bob)[0].text
        and "alice" not in published_events.for_user(bob)[0].text.lower()
    )


# ── Background task ────────────────────────────────────────────────────────────────────────────────────────────────
def test_groups_continue_and_messages_are_kept_anonymously(
    alice, bob, carol, group, direct_conversation, run_tasks, transactional_db
):
    lonely = actions.create_group(alice.pk, "Lonely", []).id
    carols = actions.create_group(carol.pk, "Carol's", [alice.pk]).id
    said = send_message(alice, group, "we meet at noon")
    send_message(bob, group, "thank you @alice")
    for conversation in (group, direct_conversation):
        actions.update_member_state(bob.pk, conversation.pk, {"draft": "half a sentence"})
    delete(page_of(alice))
    run_tasks()
    group.refresh_from_db()
    assert group.owner_id == bob.pk and group.member_count == 1
    assert Conversation.objects.get(pk=lonely).deleted_at
    assert not Membership.objects.filter(user=alice, conversation__kind="group", left_at=None).exists()
    assert not Mention.objects.filter(user=alice).exists()
    page = Client()
    page.force_login(bob)
    html = page.get(f"/c/{group.pk}/").content.decode()
    assert "we meet at noon" in html and "Deleted account" in html and ">Alice<" not in html
    assert "Deleted account" in page.get(f"/c/{direct_conversation.pk}/").content.decode()
    with pytest.raises(ApplicationError):
        send_message(bob, direct_conversation, "are you there?")
    drafts = dict(Membership.objects.filter(user=bob).values_list("conversation_id", "draft"))
    assert drafts[group.pk] and not drafts[direct_conversation.pk]  # what cannot be sent is no draft
    assert Message.objects.get(pk=said.id).body and Conversation.objects.get(pk=carols).member_count == 1


def test_the_option_to_delete_messages_erases_all_of_them(
    alice, bob, carol, group, direct_conversation, run_tasks, transactional_db
):
    carols = Conversation.objects.get(pk=actions.create_group(carol.pk, "Carol's", [alice.pk, bob.pk]).id)
    file = uploads.store_upload(alice.pk, "plan.txt", 4, [b"plan"])
    first = send_message(alice, group, "first", attachment_ids=[file.pk])
    actions.edit_message(alice.pk, first.id, "second")
    hidden = send_message(alice, carols, "hidden by carol")
    actions.delete_message(carol.pk, hidden.id)
    send_message(alice, carols, "and I go")
    actions.remove_member(alice.pk, carols.pk, alice.pk)
    send_message(alice, direct_conversation, "between us")
    bobs = send_message(bob, group, "bob's own")
    actions.set_reaction(alice.pk, bobs.id, "👍", True)
    for number in range(chat_farewell.MESSAGES_PER_TRANSACTION + 5):
        send_message(alice, group, f"many {number}")
    delete(page_of(alice), words="take-back")
    run_tasks()
    mine = Message.objects.filter(sender=alice, kind="text")
    assert not mine.exclude(body="").exists() and not mine.filter(deleted_at=None).exists()
    assert not Revision.objects.exists() and not Reaction.objects.exists() and not Attachment.objects.exists()
    assert Message.objects.get(pk=bobs.id).body == "bob's own"
    group.refresh_from_db()
    assert group.file_bytes == 0
    versions = list(Message.objects.filter(conversation=group).values_list("version", flat=True))
    assert len(set(versions)) == len(versions), "whoever is connected hears of each"


def test_an_interrupted_deletion_continues_to_the_same_result(
    alice, bob, group, direct_conversation, run_tasks, transactional_db, monkeypatch
):
    for number in range(120):
        send_message(alice, group, f"many {number}")
    chat_farewell.delete_account(alice.pk, delete_messages=True)
    real, calls = chat_farewell.delete_locked_message, []

    def fail(*args, **options):
        calls.append(1)
        if len(calls) == 70:
            raise RuntimeError("killed")
        return real(*args, **options)

    monkeypatch.setattr(chat_farewell, "delete_locked_message", fail)
    with pytest.raises(RuntimeError):
        chat_farewell.leave_all_conversations(alice.pk, True)
    for _again in range(2):
        chat_farewell.leave_all_conversations(alice.pk, True)
    assert not Message.objects.filter(sender=alice, kind="text", deleted_at=None).exists()
    left = Message.objects.filter(conversation=group, kind="system", event__name="left")
    assert left.count() == 1, "said once"


def test_drafts_and_unsent_files_are_deleted(alice, run_tasks, transactional_db):
    from django.core.files.storage import default_storage

    file = uploads.store_upload(alice.pk, "secret.txt", 6, [b"secret"]).file
    uploads.create_upload(alice.pk, 10, "half")
    chat_farewell.delete_account(alice.pk, delete_messages=False)
    run_tasks()
    assert not alice.uploads.exists() and not alice.files.exists()
    assert not default_storage.exists(file.key)


# ── Administrators ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_deleted_account_cannot_be_restored_or_changed(alice, transactional_db):
    root = User.objects.create_superuser("root-of-all", password=PASSWORD)
    deletion.erase_account(alice.pk)
    with pytest.raises(ApplicationError, match="forbidden"):
        account_actions.restore_user(alice.pk, root.pk)
    client = Client()
    client.force_login(root)
    assert client.get(f"/admin/accounts/user/{alice.pk}/change/").status_code == 200
    assert client.post(f"/admin/accounts/user/{alice.pk}/change/", {"username": "alice"}).status_code == 403
    assert client.post(f"/admin/accounts/user/{alice.pk}/password/", {}).status_code == 403
    assert client.get("/admin/accounts/user/?deleted_at__isempty=0").status_code == 200


def test_a_card_says_that_the_account_was_deleted(alice, bob, direct_conversation, transactional_db):
    deletion.erase_account(alice.pk)
    client = Client()
    client.force_login(bob)
    page = client.get(f"/people/{alice.pk}/").content.decode()
    assert "This account has been deleted." in page and "suspended" not in page
