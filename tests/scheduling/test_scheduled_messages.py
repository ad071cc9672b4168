"""Tests of messages that are sent later: scheduling, changing, sending once, and notifying the author of failures."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts import actions as account_actions
from chat import actions, selectors
from chat.attachments import uploads
from chat.attachments.cleanup import clean_up
from chat.models import Attachment, Membership, Message
from messenger.core.errors import ApplicationError
from scheduling import cleanup, delivery, scheduled_messages
from scheduling.models import ScheduledMessage

pytestmark = pytest.mark.django_db(transaction=True)  # messages are stored by another thread
HOUR = timedelta(hours=1)


@pytest.fixture
def schedule(database):
    """Returns a function: `schedule(alice, group, "hi")` schedules a message that is due in an hour."""

    def run(user, conversation, body: str = "good morning", **fields) -> ScheduledMessage:
        row, _created = scheduled_messages.schedule(
            user.pk, conversation.pk, uuid.uuid4(), body, timezone.now() + HOUR, **fields
        )
        return row

    return run


def make_due() -> None:
    """Lets the time of all scheduled messages come, and the claims of killed workers end."""
    ScheduledMessage.objects.exclude(due_at=None).update(due_at=timezone.now())


def send_due() -> int:
    make_due()
    return delivery.send_due_messages()


def texts(conversation) -> list[str]:
    return list(
        Message.objects.filter(conversation=conversation, kind="text").order_by("seq").values_list("body", flat=True)
    )


def test_a_scheduled_message_is_sent_when_its_time_has_come(each_database, alice, group, schedule):
    first = schedule(alice, group, "first")
    schedule(alice, group, "second")
    assert delivery.send_due_messages() == 0 and texts(group) == []
    assert send_due() == 2
    assert texts(group) == ["first", "second"]
    assert Message.objects.get(body="first").client_id == first.client_id
    assert scheduled_messages.list_own(alice.pk) == []


def test_the_worker_sends_it_at_its_time(alice, group, schedule, run_tasks):
    schedule(alice, group, "hello")
    run_tasks()
    assert texts(group) == []
    DBTaskResult.objects.filter(task_path__contains="send_scheduled").update(run_after=timezone.now())
    make_due()
    run_tasks()
    assert texts(group) == ["hello"]


@pytest.mark.parametrize("is_stored", [False, True])
def test_a_worker_that_is_killed_in_the_middle_sends_it_once(each_database, alice, group, schedule, is_stored):
    schedule(alice, group, "once")
    make_due()
    send_message = actions.send_message

    def be_killed(*args, **fields):
        if is_stored:
            send_message(*args, **fields)
        raise KeyboardInterrupt

    with mock.patch.object(delivery.actions, "send_message", be_killed), pytest.raises(KeyboardInterrupt):
        delivery.send_due_messages()
    row = ScheduledMessage.objects.get()
    assert row.is_claimed
    with pytest.raises(ApplicationError, match="being sent"):
        scheduled_messages.change(alice.pk, row.pk, body="something else")
    with pytest.raises(ApplicationError, match="being sent"):
        scheduled_messages.cancel(alice.pk, row.pk)
    assert delivery.send_due_messages() == 0, "the claim of the killed worker has not ended"
    send_due()
    assert texts(group) == ["once"]
    assert not ScheduledMessage.objects.exists()


def test_what_others_wrote_stays_unread_for_the_absent_author(each_database, alice, bob, group, schedule, send):
    schedule(bob, group, "from bob")
    send(alice, group, "are you there, @bob?")
    before = Membership.objects.get(user=bob, conversation=group)
    assert send_due() == 1
    after = Membership.objects.get(user=bob, conversation=group)
    assert after.read_seq == before.read_seq and after.delivered_seq == before.delivered_seq
    mine = selectors.get_conversation(bob.pk, group.pk).mine
    assert (mine.unread_count, mine.unread_mention_count) == (1, 1)
    send(alice, group, "hello?")
    assert selectors.get_conversation(bob.pk, group.pk).mine.unread_count == 2
    actions.mark_read(bob.pk, group.pk, Message.objects.filter(conversation=group).latest("seq").seq)
    assert selectors.get_conversation(bob.pk, group.pk).mine.unread_count == 0


def remove(alice, bob, conversation):
    actions.remove_member(alice.pk, conversation.pk, bob.pk)


def suspend(alice, bob, conversation):
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)


def block(alice, bob, conversation):
    account_actions.block_user(bob.pk, alice.pk)


def be_blocked(alice, bob, conversation):
    account_actions.block_user(alice.pk, bob.pk)


@pytest.mark.parametrize(
    ("change", "kind", "failure"),
    [
        (remove, "group", "not_member"),
        (suspend, "group", "suspended"),
        (block, "direct", "blocked"),
        (be_blocked, "direct", "not_allowed"),
    ],
)
def test_the_author_is_told_why_it_was_not_sent(
    change, kind, failure, alice, bob, group, direct_conversation, schedule, subscribe, deliver, client
):
    conversation = group if kind == "group" else direct_conversation
    browser = subscribe(bob)
    schedule(bob, conversation, "secret")
    change(alice, bob, conversation)
    assert send_due() == 0 and texts(conversation) == []
    assert ScheduledMessage.objects.get().failure == failure
    deliver()
    if failure != "suspended":
        [push] = browser.pushes
        assert push["body"].startswith("Not sent:") and push["url"] == "/later/" and "secret" not in str(push)
        client.force_login(bob)
        page = client.get("/later/").content.decode()
        assert "Not sent:" in page and "secret" in page
    assert delivery.send_due_messages() == 0, "it is not tried again by itself"


@pytest.mark.parametrize(("change", "code"), [(block, "blocked"), (be_blocked, "forbidden")])
def test_what_would_be_refused_now_is_not_scheduled(change, code, api, alice, bob, direct_conversation, schedule):
    row = schedule(bob, direct_conversation)
    change(alice, bob, direct_conversation)
    for method, path, body in (
        (api(bob).post, f"conversations/{direct_conversation.pk}/messages/", {"body": "now"}),
        (api(bob).post, f"conversations/{direct_conversation.pk}/scheduled-messages/", {"body": "later"}),
        (api(bob).patch, f"scheduled-messages/{row.pk}/", {"body": "later"}),
    ):
        unique = {"client_id": str(uuid.uuid4())} if method == api(bob).post else {}
        at = {"send_at": (timezone.now() + HOUR).isoformat()} if "scheduled" in path else {}
        response = method(path, {**body, **unique, **at})
        assert (response.status_code, response.json()["code"]) == (403, code), path
    assert ScheduledMessage.objects.get().body == "good morning"


def test_a_message_that_was_not_sent_can_be_tried_again(alice, bob, direct_conversation, schedule):
    row = schedule(bob, direct_conversation)
    account_actions.block_user(bob.pk, alice.pk)
    send_due()
    account_actions.unblock_user(bob.pk, alice.pk)
    scheduled_messages.change(bob.pk, row.pk, send_at=timezone.now() + HOUR)
    assert send_due() == 1


def test_a_rate_limit_only_delays_it(alice, group, schedule):
    schedule(alice, group)
    error = ApplicationError("rate_limited", retry_after=7)
    with mock.patch.object(delivery.actions, "send_message", side_effect=error):
        assert send_due() == 0
    row = ScheduledMessage.objects.get()
    assert not row.failure and not row.is_claimed and row.due_at > timezone.now() + timedelta(seconds=5)
    assert send_due() == 1


def test_the_api_schedules_lists_changes_and_cancels(api, alice, mallory, group):
    body = {"client_id": str(uuid.uuid4()), "body": "later", "send_at": (timezone.now() + HOUR).isoformat()}
    path = f"conversations/{group.pk}/scheduled-messages/"
    created = api(alice).post(path, body)
    assert created.status_code == 201
    assert api(alice).post(path, body).status_code == 200, "a repetition schedules nothing"
    assert api(alice).post(path, {**body, "body": "other"}).status_code == 409
    assert api(mallory).post(path, {**body, "client_id": str(uuid.uuid4())}).status_code == 404
    past = {**body, "client_id": str(uuid.uuid4()), "send_at": (timezone.now() - HOUR).isoformat()}
    assert api(alice).post(path, past).json()["fields"].keys() == {"send_at"}
    own = f"scheduled-messages/{created.json()['id']}/"
    assert api(mallory).get(own).status_code == 404
    assert api(mallory).delete(own).status_code == 404
    assert api(alice).patch(own, {"body": "changed"}).json()["body"] == "changed"
    [listed] = api(alice).get("scheduled-messages/").json()["results"]
    assert listed["body"] == "changed" and api(mallory).get("scheduled-messages/").json()["results"] == []
    assert api(alice).delete(own).status_code == 204
    assert send_due() == 0 and texts(group) == []


def test_the_pages_schedule_change_and_cancel_without_scripts(alice, group):
    alice.time_zone = "Asia/Shanghai"
    alice.save()
    client = Client()
    client.force_login(alice)
    actions.update_member_state(alice.pk, group.pk, {"draft": "from the composer"})
    client_id = str(uuid.uuid4())
    path = f"/c/{group.pk}/send-later/"
    page = client.post(path, {"body": "from the composer", "client_id": client_id}).content.decode()
    assert "from the composer</textarea>" in page and client_id in page and "Shanghai" in page
    assert not ScheduledMessage.objects.exists(), "the first step only asks for the time"
    form = {"body": "from the composer", "client_id": client_id}
    assert client.post(path, {**form, "at": ""}).status_code == 422
    assert client.post(path, {**form, "at": "2020-01-01T09:00"}).status_code == 400
    at = (timezone.now() + 3 * HOUR).astimezone(ZoneInfo("Asia/Shanghai")).replace(second=0, microsecond=0)
    assert client.post(path, {**form, "at": at.strftime("%Y-%m-%dT%H:%M")}).status_code == 302
    row = ScheduledMessage.objects.get()
    assert row.send_at == at
    assert Membership.objects.get(user=alice, conversation=group).draft == ""
    assert "1 scheduled message" in client.get(f"/c/{group.pk}/").content.decode()
    edit = f"/later/{row.pk}/"
    assert at.strftime("%Y-%m-%dT%H:%M") in client.get(edit).content.decode()
    choice = (timezone.now() + 2 * HOUR).isoformat()
    assert client.post(edit, {"body": "changed", "choice": choice}).status_code == 302
    row.refresh_from_db()
    assert row.body == "changed" and row.send_at.isoformat() == choice
    assert client.post(f"/later/{row.pk}/send/").status_code == 302
    assert delivery.send_due_messages() == 1 and texts(group) == ["changed"]
    form["client_id"] = str(uuid.uuid4())
    client.post(path, {**form, "choice": choice})
    assert client.post(f"/later/{ScheduledMessage.objects.get().pk}/cancel/").status_code == 302
    assert not ScheduledMessage.objects.exists()


@pytest.mark.parametrize(
    ("clock", "instant"),
    [
        ("T02:30", "T03:30:00-04:00"),  # clocks are set from 02:00 to 03:00
        ("T01:30", "T01:30:00-04:00"),  # clocks are set from 02:00 to 01:00: the first of the two
    ],
)
def test_a_message_can_be_scheduled_for_an_hour_in_which_clocks_are_changed(alice, group, clock, instant):
    alice.time_zone = "America/New_York"
    alice.save()
    client = Client()
    client.force_login(alice)
    day = next_clock_change(ZoneInfo(alice.time_zone), forward=clock == "T02:30")
    form = {"body": "early", "client_id": str(uuid.uuid4()), "at": f"{day}{clock}"}
    assert client.post(f"/c/{group.pk}/send-later/", form).status_code == 302
    assert ScheduledMessage.objects.get().send_at == datetime.fromisoformat(f"{day}{instant}")


def next_clock_change(zone: ZoneInfo, *, forward: bool) -> date:
    """Returns the next day on which the clocks of this zone are set forward, or back."""
    today = timezone.now().astimezone(zone).date()
    for days in range(1, 366):
        day = today + timedelta(days=days)
        before = datetime.combine(day, time(), zone).utcoffset()
        after = datetime.combine(day + timedelta(days=1), time(), zone).utcoffset()
        if before != after and (after > before) == forward:
            return day
    raise AssertionError(f"{zone} changes no clocks")


def test_scheduled_messages_of_a_deleted_account_are_erased(alice, group, schedule):
    schedule(alice, group)
    type(alice).objects.filter(pk=alice.pk).update(deleted_at=timezone.now())
    cleanup.delete_data_of_deleted_accounts()
    assert not ScheduledMessage.objects.exists()


def test_files_are_kept_until_they_are_sent_and_deleted_after_cancelling(api, alice, bob, group, schedule):
    files = [uploads.store_upload(alice.pk, name, 5, [b"words"]) for name in ("sent.txt", "cancelled.txt")]
    of_bob = uploads.store_upload(bob.pk, "bobs.txt", 5, [b"words"])
    with pytest.raises(ApplicationError, match="invalid"):
        schedule(alice, group, "", attachment_ids=[of_bob.pk])
    schedule(alice, group, "", attachment_ids=[files[0].pk])
    cancelled = schedule(alice, group, "", attachment_ids=[files[1].pk])
    assert api(alice).get("scheduled-messages/").json()["results"][0]["attachment_ids"] == [files[0].pk]
    Attachment.objects.update(created_at=timezone.now() - timedelta(days=9))
    clean_up()
    assert set(Attachment.objects.values_list("pk", flat=True)) == {file.pk for file in files}, "bob’s was deleted"
    scheduled_messages.cancel(alice.pk, cancelled.pk)
    clean_up()
    assert list(Attachment.objects.all()) == files[:1]
    assert send_due() == 1
    assert Message.objects.get(conversation=group, kind="text").files[0]["name"] == "sent.txt"


def test_a_file_is_scheduled_without_scripts(client, alice, group):
    client.force_login(alice)
    path, client_id = f"/c/{group.pk}/send-later/", str(uuid.uuid4())
    page = client.post(path, {"body": "", "client_id": client_id, "files": SimpleUploadedFile("boat.txt", b"words")})
    attachment = Attachment.objects.get()
    assert f'name="attachment_ids" value="{attachment.pk}"' in page.content.decode()
    choice = (timezone.now() + HOUR).isoformat()
    form = {"body": "", "client_id": client_id, "attachment_ids": [attachment.pk], "choice": choice}
    assert client.post(path, form).status_code == 302
    assert "boat.txt" in client.get("/later/").content.decode()
    assert send_due() == 1
