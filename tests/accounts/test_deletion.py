"""Deleting one's account: what is said before is done after, at once and in the background, also after a crash."""

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
from chat import actions
from chat.actions import account_deletion as chat_farewell
from chat.attachments import uploads
from chat.models import Attachment, Conversation, Membership, Mention, Message, Reaction, Revision
from messenger.core.errors import ApplicationError
from tests.servers import PASSWORD


def say(person, room, text="hello", **more):
    return actions.send_message(person.pk, room.pk, uuid.uuid4(), text, **more)[0]


def page_of(person) -> Client:
    """Signed in, and the password entered again just now."""
    client = Client()
    client.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def delete(client: Client, username: str = "alice", words: str = "stay"):
    return client.post("/settings/delete/", {"username": username, "words": words})


# ── Before ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_it_asks_for_the_password_first(alice, transactional_db):
    client = Client()
    client.force_login(alice)
    for ask in (client.get, client.post):
        assert "/reauthenticate/" in ask("/settings/delete/", {"username": "alice", "words": "stay"}).url
    assert User.objects.get(pk=alice.pk).deleted_at is None


def test_the_name_is_typed_and_a_wrong_one_is_an_error_at_its_field(alice, transactional_db):
    answer = delete(page_of(alice), "alicia", "take-back")
    page = answer.content.decode()
    assert answer.status_code == 422 and "This is not your user name." in page
    assert 'value="alicia"' in page and 'value="take-back" checked' in page
    assert User.objects.get(pk=alice.pk).deleted_at is None


def test_it_says_what_becomes_of_everything(alice, bob, carol, room, pair, transactional_db, django_assert_num_queries):
    lonely = actions.create_group(alice.pk, "Lonely", []).id
    carols = actions.create_group(carol.pk, "Carol's", [alice.pk]).id
    file = uploads.store_upload(alice.pk, "plan.txt", 4, [b"plan"])
    say(alice, room, "", attachment_ids=[file.pk])
    with django_assert_num_queries(4):
        plan = chat_farewell.plan_account_deletion(alice.pk)
    assert [(group.id, group.successor and group.successor.username) for group in plan.owned_groups] == [
        (room.pk, "bob"),
        (lonely, None),
    ]
    assert (plan.direct_count, plan.group_count, plan.file_count, plan.file_bytes) == (1, 1, 1, 4)
    page = page_of(alice).get("/settings/delete/").content.decode()
    for words in (
        "goes to Bob",
        "ends, for nobody else is in it",
        "1 direct chat stays",
        "You leave 1 group",
        "1 file",
    ):
        assert words in page
    assert carols


def test_an_admin_inherits_before_a_member_who_was_there_earlier(alice, bob, carol, room, transactional_db):
    actions.add_members(alice.pk, room.pk, [carol.pk])
    actions.set_role(alice.pk, room.pk, carol.pk, "admin")
    assert chat_farewell.plan_account_deletion(alice.pk).owned_groups[0].successor.username == "carol"


def test_the_only_administrator_stays(person, transactional_db):
    root = User.objects.create_superuser("root-of-all", password=PASSWORD)
    client = page_of(root)
    assert client.get("/settings/delete/").status_code == 403
    assert delete(client, "root-of-all").status_code == 403
    User.objects.create_superuser("other-root", password=PASSWORD)
    assert delete(client, "root-of-all").url == "/goodbye/"


# ── At once ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_who_they_were_is_gone_with_the_click(told, alice, bob, work):
    alice.email, alice.bio, alice.language = "alice@example.org", "likes boats", "zh-hans"
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    SocialAccount.objects.create(user=alice, provider="github", uid="1", extra_data={"login": "alice"})
    Authenticator.objects.create(user=alice, type=Authenticator.Type.RECOVERY_CODES, data={})
    log = {"content_type": ContentType.objects.get_for_model(User), "object_id": str(alice.pk), "action_flag": 2}
    LogEntry.objects.create(user=bob, object_repr="alice", change_message="Renamed alice", **log)
    pair = tokens.issue_token_pair(alice)
    client = page_of(alice)
    told.clear()
    answer = delete(client)
    assert answer.url == "/goodbye/" and "Your account is deleted" in client.get(answer.url).content.decode()
    assert [(cut.user_id, cut.code) for cut in told.cuts()] == [(alice.pk, 4401)]
    row = User.objects.filter(pk=alice.pk).values().get()
    assert not any(word in str(value).lower() for value in row.values() for word in ("alice", "boats", "zh-hans"))
    assert not row["is_active"] and row["deleted_at"] and row["name"].startswith("Deleted account")
    for model in (EmailAddress, SocialAccount, Authenticator, SignIn):
        assert not model.objects.filter(user=alice).exists()
    assert not LogEntry.objects.filter(object_repr="alice").exists()
    assert client.get("/api/v1/me/").status_code == 401
    assert Client().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {pair.access}").status_code == 401
    assert [letter.to for letter in mail.outbox] == [["alice@example.org"]]


def test_signing_in_afterwards_is_as_if_there_had_never_been_anybody(alice, transactional_db):
    delete(page_of(alice))
    known = Client().post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert known.status_code == 200 and "not right" in known.content.decode()
    by_new_name = Client().post("/accounts/login/", {"login": f"deleted-{alice.pk}", "password": PASSWORD})
    assert by_new_name.status_code == 200


def test_nobody_can_take_the_name_afterwards_nor_one_that_looks_like_it(alice, bob, transactional_db, api):
    delete(page_of(alice))
    for name in ("alice", "ALICE", "a1ice"):
        answer = api.send("post", "auth/signup/", {"username": name, "password": "a-long-one-77"})
        assert answer.status_code == 400 and "taken" in str(answer.json()["fields"]["username"])
    with pytest.raises(ApplicationError):
        account_actions.update_profile(bob.pk, {"username": "alice"})


def test_nobody_signs_up_as_a_deleted_one(api, transactional_db):
    answer = api.send("post", "auth/signup/", {"username": "Deleted-7", "password": "a-long-one-77"})
    assert answer.status_code == 400 and "reserved" in str(answer.json())


def test_lists_requests_and_blocks_of_others_lose_them(told, alice, bob, carol, transactional_db):
    contacts.add_contact(bob.pk, alice.pk)
    contacts.block_user(carol.pk, alice.pk)
    account_actions.update_profile(carol.pk, {"write_to_me": "contacts"})
    contacts.add_contact(alice.pk, bob.pk)
    told.clear()
    deletion.erase_account(alice.pk)
    assert contact_lists.list_contacts(bob.pk).contacts == [] and contact_lists.list_blocked(carol.pk) == []
    assert User.objects.get(pk=carol.pk).blocked_ids == []
    assert not Relationship.objects.filter(user=alice).exists()
    assert "contact.updated" in told.to(bob)[0].text and "alice" not in told.to(bob)[0].text.lower()


# ── In the background ────────────────────────────────────────────────────────────────────────────────────────────
def test_groups_go_on_and_messages_stay_without_a_name(alice, bob, carol, room, pair, work, transactional_db):
    lonely = actions.create_group(alice.pk, "Lonely", []).id
    carols = actions.create_group(carol.pk, "Carol's", [alice.pk]).id
    said = say(alice, room, "we meet at noon")
    say(bob, room, "thank you @alice")
    delete(page_of(alice))
    work()
    room.refresh_from_db()
    assert room.owner_id == bob.pk and room.member_count == 1
    assert Conversation.objects.get(pk=lonely).deleted_at
    assert not Membership.objects.filter(user=alice, conversation__kind="group", left_at=None).exists()
    assert not Mention.objects.filter(user=alice).exists()
    page = Client()
    page.force_login(bob)
    html = page.get(f"/c/{room.pk}/").content.decode()
    assert "we meet at noon" in html and "Deleted account" in html and ">Alice<" not in html
    assert "Deleted account" in page.get(f"/c/{pair.pk}/").content.decode()
    with pytest.raises(ApplicationError):
        say(bob, pair, "are you there?")
    assert Message.objects.get(pk=said.id).body and Conversation.objects.get(pk=carols).member_count == 1


def test_taken_back_nothing_of_what_they_wrote_is_left(alice, bob, carol, room, pair, work, transactional_db):
    carols = Conversation.objects.get(pk=actions.create_group(carol.pk, "Carol's", [alice.pk, bob.pk]).id)
    file = uploads.store_upload(alice.pk, "plan.txt", 4, [b"plan"])
    first = say(alice, room, "first", attachment_ids=[file.pk])
    actions.edit_message(alice.pk, first.id, "second")
    hidden = say(alice, carols, "hidden by carol")
    actions.delete_message(carol.pk, hidden.id)
    say(alice, carols, "and I go")
    actions.remove_member(alice.pk, carols.pk, alice.pk)
    say(alice, pair, "between us")
    bobs = say(bob, room, "bob's own")
    actions.set_reaction(alice.pk, bobs.id, "👍", True)
    for number in range(chat_farewell.MESSAGES_PER_TRANSACTION + 5):
        say(alice, room, f"many {number}")
    delete(page_of(alice), words="take-back")
    work()
    mine = Message.objects.filter(sender=alice, kind="text")
    assert not mine.exclude(body="").exists() and not mine.filter(deleted_at=None).exists()
    assert not Revision.objects.exists() and not Reaction.objects.exists() and not Attachment.objects.exists()
    assert Message.objects.get(pk=bobs.id).body == "bob's own"
    room.refresh_from_db()
    assert room.file_bytes == 0
    versions = list(Message.objects.filter(conversation=room).values_list("version", flat=True))
    assert len(set(versions)) == len(versions), "whoever is connected hears of each"


def test_cut_off_anywhere_it_goes_on_to_the_same_end(alice, bob, room, pair, work, transactional_db, monkeypatch):
    for number in range(120):
        say(alice, room, f"many {number}")
    chat_farewell.delete_account(alice.pk, delete_messages=True)
    real, calls = chat_farewell.delete_locked_message, []

    def falls(*args, **options):
        calls.append(1)
        if len(calls) == 70:
            raise RuntimeError("killed")
        return real(*args, **options)

    monkeypatch.setattr(chat_farewell, "delete_locked_message", falls)
    with pytest.raises(RuntimeError):
        chat_farewell.leave_all_conversations(alice.pk, True)
    for _again in range(2):
        chat_farewell.leave_all_conversations(alice.pk, True)
    assert not Message.objects.filter(sender=alice, kind="text", deleted_at=None).exists()
    left = Message.objects.filter(conversation=room, kind="system", event__name="left")
    assert left.count() == 1, "said once"


def test_what_was_not_sent_is_deleted(alice, work, transactional_db):
    from django.core.files.storage import default_storage

    file = uploads.store_upload(alice.pk, "secret.txt", 6, [b"secret"]).file
    uploads.create_upload(alice.pk, 10, "half")
    chat_farewell.delete_account(alice.pk, delete_messages=False)
    work()
    assert not alice.uploads.exists() and not alice.files.exists()
    assert not default_storage.exists(file.key)


# ── For the administrators ───────────────────────────────────────────────────────────────────────────────────────
def test_nobody_restores_or_changes_who_is_gone(alice, transactional_db):
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


def test_a_card_says_that_the_account_was_deleted(alice, bob, pair, transactional_db):
    deletion.erase_account(alice.pk)
    client = Client()
    client.force_login(bob)
    page = client.get(f"/people/{alice.pk}/").content.decode()
    assert "This account was deleted." in page and "suspended" not in page
