"""Tests of reminders: notifying once, snoozing, removing, and nothing of what a user may not see any more."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.selectors.data_export import export_account
from chat import actions
from messenger.live.frames import decode_incoming
from notifications.models import NotificationPreferences, PendingPush
from scheduling import consumers, reminders, scheduled_messages
from scheduling.models import Reminder

HOUR = timedelta(hours=1)


@pytest.fixture
def remind(database):
    """Returns a function: `remind(bob, message)` reminds bob of a message in an hour."""

    def run(user, message) -> Reminder:
        row, _created = reminders.set_reminder(user.pk, message.id, timezone.now() + HOUR)
        return row

    return run


def notify() -> int:
    return reminders.notify_due(timezone.now() + HOUR)


def test_a_user_is_reminded_once_on_each_device(each_database, alice, bob, group, send, remind, subscribe, deliver):
    browser = subscribe(bob)
    message = send(alice, group, "buy **bread**")
    deliver()
    row = remind(bob, message)
    assert reminders.notify_due() == 0, "its time has not come"
    assert notify() == 1 and notify() == 0
    deliver()
    push = browser.pushes[-1]
    assert (push["type"], push["tag"], push["title"]) == ("show", f"reminder-{row.pk}", "Reminder: Room")
    assert push["body"] == "Alice: buy bread" and push["url"] == f"/c/{group.pk}/?at={message.seq}#m-{message.seq}"
    assert [action["action"] for action in push["actions"]] == ["snooze", "done"]
    assert "conversation_id" not in push, "it is shown although the conversation is open"
    deliver()
    assert len(browser.pushes) == 2 and not PendingPush.objects.exists()


@pytest.mark.parametrize("end", ["snooze", "remove"])
def test_snoozing_or_removing_it_removes_it_from_all_devices(end, alice, bob, group, send, remind, subscribe, deliver):
    message = send(alice, group, "bread")
    row = remind(bob, message)
    browser = subscribe(bob)
    notify()
    deliver()
    remind(bob, message) if end == "snooze" else reminders.remove(bob.pk, row.pk)
    deliver()
    assert [push["type"] for push in browser.pushes if push["tag"].startswith("reminder")] == ["show", "clear"]
    assert notify() == (1 if end == "snooze" else 0)
    deliver()
    shown = [push for push in browser.pushes if push["type"] == "show" and push["tag"].startswith("reminder")]
    assert len(shown) == (2 if end == "snooze" else 1)


def delete(alice, bob, group, message):
    actions.delete_message(alice.pk, message.id)


def leave(alice, bob, group, message):
    actions.remove_member(bob.pk, group.pk, bob.pk)


@pytest.mark.parametrize("change", [delete, leave])
def test_nobody_is_reminded_of_what_is_deleted_or_not_visible_any_more(
    change, alice, bob, group, send, remind, subscribe, deliver
):
    browser = subscribe(bob)
    message = send(alice, group, "bread")
    remind(bob, message)
    change(alice, bob, group, message)
    assert reminders.list_own(bob.pk) == []
    assert notify() == 0 and not Reminder.objects.exists()
    deliver()
    assert not [push for push in browser.pushes if push["tag"].startswith("reminder")]


def test_the_text_is_left_out_if_the_user_wants_it(alice, bob, group, send, remind, subscribe, deliver):
    NotificationPreferences.objects.create(user=bob, show_text=False)
    browser = subscribe(bob)
    remind(bob, send(alice, group, "secret"))
    notify()
    deliver()
    assert browser.pushes and "secret" not in str(browser.pushes)


def test_open_pages_are_told_once_in_each_process(alice, bob, group, send, remind):
    start, delivered = timezone.now(), {}
    message = send(alice, group, "bread")
    row = remind(bob, message)
    assert consumers.find_due_events(delivered, start) == []
    Reminder.objects.update(remind_at=timezone.now())
    reminders.notify_due()
    [event] = consumers.find_due_events(delivered, start)
    assert event.group == f"user.{bob.pk}"
    frame = decode_incoming(event.text)
    assert frame.type == "reminder.due" and f'"id":{row.pk}' in bytes(frame.payload).decode()
    assert consumers.find_due_events(delivered, start) == []


def test_the_api_sets_changes_lists_and_deletes_reminders(api, alice, bob, mallory, group, send):
    message = send(alice, group, "bread")
    path = f"messages/{message.id}/reminder/"
    at = (timezone.now() + HOUR).isoformat()
    assert api(mallory).put(path, body={"remind_at": at}).status_code == 404
    assert api(bob).put(path, body={"remind_at": (timezone.now() - HOUR).isoformat()}).status_code == 400
    created = api(bob).put(path, body={"remind_at": at}).json()
    assert created["message"]["body"] == "bread" and created["notified_at"] is None
    again = api(bob).put(path, body={"remind_at": (timezone.now() + 2 * HOUR).isoformat()}).json()
    assert again["id"] == created["id"] and again["remind_at"] != created["remind_at"]
    assert [each["id"] for each in api(bob).get("reminders/").json()["results"]] == [created["id"]]
    assert api(alice).get("reminders/").json()["results"] == [], "nobody else knows of it"
    assert api(alice).delete(f"reminders/{created['id']}/").status_code == 404
    assert api(bob).delete(f"reminders/{created['id']}/").status_code == 204


def test_the_pages_remind_snooze_and_remove_without_scripts(client, alice, bob, group, send):
    message = send(alice, group, "bread")
    client.force_login(bob)
    page = client.get(f"/m/{message.id}/details/").content.decode()
    assert f"/m/{message.id}/remind/" in page
    path = f"/m/{message.id}/remind/"
    assert "Tomorrow morning" in client.get(path).content.decode()
    assert client.post(path, {"at": ""}).status_code == 422
    assert client.post(path, {"at": "2020-01-01T09:00"}).status_code == 400
    assert client.post(path, {"choice": (timezone.now() + HOUR).isoformat()}).url == "/later/"
    assert "bread" in client.get("/later/").content.decode()
    notify()
    page = client.get("/later/").content.decode()
    assert "Due reminders" in page
    row = Reminder.objects.get()
    client.post(f"/reminders/{row.pk}/", {"do": "snooze"})
    row.refresh_from_db()
    assert row.notified_at is None and row.remind_at > timezone.now() + timedelta(minutes=59)
    client.post(f"/reminders/{row.pk}/", {"do": "remove"})
    assert not Reminder.objects.exists()


def test_the_data_export_has_reminders_scheduled_messages_and_preferences(alice, bob, group, send, remind):
    NotificationPreferences.objects.create(user=bob, keywords=["bread"])
    message = send(alice, group, "bread")
    remind(bob, message)
    scheduled_messages.schedule(bob.pk, group.pk, uuid.uuid4(), "later", timezone.now() + HOUR)
    exported = export_account(bob)
    assert exported["reminders"][0]["message_id"] == message.id
    assert exported["scheduled_messages"][0].body == "later"
    assert exported["notification_preferences"].keywords == ["bread"]
    assert export_account(alice)["reminders"] == export_account(alice)["scheduled_messages"] == []
