"""Tests of contact lists, contact requests and blocked users, through the REST API and by calling Python functions.

Also tests which events about them are published.
"""

import json

import pytest

from accounts import actions
from accounts.actions import contacts
from accounts.models import PRIVACY_FIELDS, Relationship, User
from accounts.selectors import contact_lists
from messenger.core.errors import ApplicationError
from messenger.live.events import RefreshVisibility
from tests.threads import run_concurrently


@pytest.fixture
def apps(make_api, alice, bob, carol):
    return {user.username: make_api(user) for user in (alice, bob, carol)}


def require_requests(user, **settings):
    actions.update_profile(user.pk, settings or {"write_to_me": "contacts"})


def state(user, other) -> str:
    tie = Relationship.objects.filter(user=user, person=other).first()
    return tie.state if tie else "none"


def error_code(action, *args) -> str:
    with pytest.raises(ApplicationError) as error:
        action(*args)
    return error.value.code


def published_contacts(published_events, user) -> list[dict]:
    frames = [json.loads(item.text) for item in published_events.for_user(user)]
    return [frame["payload"] for frame in frames if frame["type"] == "contact.updated"]


def test_adding_a_user_who_allows_everyone_needs_no_request(published_events, apps, alice, bob):
    answer = apps["alice"].send("put", f"contacts/{bob.pk}/")
    assert answer.status_code == 200
    assert answer.json()["user"]["username"] == "bob" and answer.json()["state"] == "contact"
    assert state(bob, alice) == "none"
    assert [each["contact"]["state"] for each in published_contacts(published_events, alice)] == ["contact"]
    assert published_contacts(published_events, bob) == []


@pytest.mark.parametrize("setting", PRIVACY_FIELDS)
def test_adding_a_user_who_allows_only_contacts_sends_a_request(published_events, apps, alice, bob, setting):
    require_requests(bob, **{setting: "contacts"})
    if setting == "find_me":
        contacts.add_contact(bob.pk, alice.pk)
        contacts.remove_contact(bob.pk, alice.pk)
        assert apps["alice"].send("put", f"contacts/{bob.pk}/").status_code == 404
        return
    assert apps["alice"].send("put", f"contacts/{bob.pk}/").json()["state"] == "asked"
    assert (state(alice, bob), state(bob, alice)) == ("asked", "asks")
    (news,) = published_contacts(published_events, bob)
    assert news["contact"]["state"] == "asks" and news["requests"] == 1
    bob.refresh_from_db()
    assert news["me_version"] == bob.me_version and bob.request_count == 1


def test_an_accepted_request_makes_both_contacts(apps, alice, bob):
    require_requests(bob)
    contacts.add_contact(alice.pk, bob.pk)
    assert apps["bob"].send("put", f"contacts/{alice.pk}/").json()["state"] == "contact"
    assert (state(alice, bob), state(bob, alice)) == ("contact", "contact")
    bob.refresh_from_db()
    assert bob.request_count == 0


def test_a_declined_request_is_deleted_and_may_be_repeated(apps, alice, bob):
    require_requests(bob)
    contacts.add_contact(alice.pk, bob.pk)
    assert apps["bob"].send("delete", f"contacts/{alice.pk}/").status_code == 204
    assert (state(alice, bob), state(bob, alice)) == ("none", "none")
    assert contacts.add_contact(alice.pk, bob.pk).state == "asked"


def test_an_ignored_request_stays_pending_for_the_sender_and_is_hidden(published_events, apps, alice, bob):
    require_requests(bob)
    contacts.add_contact(alice.pk, bob.pk)
    published_events.clear()
    assert apps["bob"].send("put", f"contacts/{alice.pk}/ignore/").status_code == 204
    assert published_contacts(published_events, alice) == []
    assert contact_lists.list_contacts(bob.pk).received_requests == [] and state(alice, bob) == "asked"
    assert contacts.add_contact(alice.pk, bob.pk).state == "asked"  # a repeated request has no effect
    assert contact_lists.list_contacts(bob.pk).received_requests == []


def test_a_request_may_be_withdrawn(apps, alice, bob):
    require_requests(bob)
    contacts.add_contact(alice.pk, bob.pk)
    assert apps["alice"].send("delete", f"contacts/{bob.pk}/").status_code == 204
    assert (state(alice, bob), state(bob, alice)) == ("none", "none")


def test_adding_a_user_who_has_me_as_contact_needs_no_request(alice, bob):
    contacts.add_contact(bob.pk, alice.pk)
    require_requests(bob)
    assert contacts.add_contact(alice.pk, bob.pk).state == "contact"


def test_removing_a_contact_affects_only_the_own_list(apps, alice, bob):
    contacts.add_contact(alice.pk, bob.pk)
    contacts.add_contact(bob.pk, alice.pk)
    assert apps["alice"].send("delete", f"contacts/{bob.pk}/").status_code == 204
    assert (state(alice, bob), state(bob, alice)) == ("none", "contact")
    assert apps["alice"].send("delete", f"contacts/{bob.pk}/").status_code == 404


def test_an_action_without_effect_takes_no_version_and_publishes_nothing(published_events, alice, bob):
    contacts.add_contact(alice.pk, bob.pk)
    contacts.block_user(alice.pk, bob.pk)
    published_events.clear()
    before = User.objects.values_list("me_version", flat=True).get(pk=alice.pk)
    contacts.block_user(alice.pk, bob.pk)
    assert error_code(contacts.add_contact, alice.pk, bob.pk) == "blocked"
    assert list(published_events) == []
    assert User.objects.values_list("me_version", flat=True).get(pk=alice.pk) == before


def test_a_user_cannot_add_or_block_themselves(alice):
    assert error_code(contacts.add_contact, alice.pk, alice.pk) == "invalid"
    assert error_code(contacts.block_user, alice.pk, alice.pk) == "invalid"


def test_a_user_hidden_from_search_is_not_found(apps, alice, bob):
    actions.update_profile(bob.pk, {"find_me": "nobody"})
    for method, path in (("put", "contacts"), ("put", "blocks"), ("delete", "contacts"), ("delete", "blocks")):
        hidden, nowhere = (apps["alice"].send(method, f"{path}/{pk}/") for pk in (bob.pk, 4711))
        assert hidden.status_code == nowhere.status_code == 404
        assert hidden.json() == nowhere.json()


# ── Blocks ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_block_is_published_only_to_the_blocker(published_events, apps, alice, bob):
    answer = apps["alice"].send("put", f"blocks/{bob.pk}/")
    assert answer.status_code == 200 and answer.json()["blocked"] is True
    assert [each["contact"]["blocked"] for each in published_contacts(published_events, alice)] == [True]
    assert published_events.for_user(bob) == []
    assert {item.user_id for item in published_events if isinstance(item, RefreshVisibility)} == {alice.pk, bob.pk}
    alice.refresh_from_db()
    assert alice.blocked_ids == [bob.pk]
    assert [each["user"]["id"] for each in apps["alice"].send("get", "blocks/").json()["results"]] == [bob.pk]
    assert apps["bob"].send("get", "blocks/").json()["results"] == []


def test_a_block_hides_a_contact_and_unblocking_restores_it(apps, alice, bob):
    contacts.add_contact(alice.pk, bob.pk)
    contacts.add_contact(bob.pk, alice.pk)
    contacts.block_user(alice.pk, bob.pk)
    assert contact_lists.list_contacts(alice.pk).contacts == []
    assert [tie.person_id for tie in contact_lists.list_contacts(bob.pk).contacts] == [
        alice.pk
    ]  # bob's own list does not show the block
    assert apps["alice"].send("delete", f"blocks/{bob.pk}/").status_code == 204
    assert [tie.person_id for tie in contact_lists.list_contacts(alice.pk).contacts] == [bob.pk]
    alice.refresh_from_db()
    assert alice.blocked_ids == []
    assert apps["alice"].send("delete", f"blocks/{bob.pk}/").status_code == 404


def test_a_request_of_a_blocked_user_gets_the_usual_response_and_is_hidden(published_events, alice, bob, carol):
    require_requests(alice)
    contacts.block_user(alice.pk, bob.pk)
    published_events.clear()
    theirs, hers = contacts.add_contact(bob.pk, alice.pk), contacts.add_contact(carol.pk, alice.pk)
    assert (theirs.state, theirs.blocked) == (hers.state, hers.blocked) == ("asked", False)
    alice.refresh_from_db()
    assert [tie.person_id for tie in contact_lists.list_contacts(alice.pk).received_requests] == [
        carol.pk
    ] and alice.request_count == 1
    contacts.unblock_user(alice.pk, bob.pk)
    alice.refresh_from_db()
    assert len(contact_lists.list_contacts(alice.pk).received_requests) == 2 and alice.request_count == 2


def test_a_user_hidden_from_search_can_be_blocked_without_scripts(alice, bob):
    from chat.actions import create_group

    create_group(alice.pk, "Room", [bob.pk])
    actions.update_profile(bob.pk, {"find_me": "nobody"})
    assert contacts.block_user(alice.pk, bob.pk).blocked


def test_lists_exclude_suspended_users_and_make_one_query(django_assert_num_queries, alice, bob, carol, make_user):
    for each in (bob, carol):
        contacts.add_contact(alice.pk, each.pk)
    require_requests(alice)
    contacts.add_contact(bob.pk, alice.pk)
    moderator = make_user("root", is_superuser=True)
    actions.suspend_user(bob.pk, moderator.pk)
    with django_assert_num_queries(1):
        mine = contact_lists.list_contacts(alice.pk)
    assert [tie.person_id for tie in mine.contacts] == [carol.pk]
    actions.restore_user(bob.pk, moderator.pk)
    assert len(contact_lists.list_contacts(alice.pk).contacts) == 2


def test_requests_of_a_suspended_user_are_hidden(alice, bob, make_user):
    require_requests(alice)
    contacts.add_contact(bob.pk, alice.pk)
    moderator = make_user("root", is_superuser=True)
    for action, count in ((actions.suspend_user, 0), (actions.restore_user, 1)):
        action(bob.pk, moderator.pk)
        alice.refresh_from_db()
        assert alice.request_count == len(contact_lists.list_contacts(alice.pk).received_requests) == count


def test_suspension_removes_a_user_from_lists_until_restored(published_events, apps, alice, bob, carol, make_user):
    moderator = make_user("root", is_superuser=True)
    contacts.add_contact(alice.pk, bob.pk)
    contacts.block_user(carol.pk, bob.pk)
    published_events.clear()
    before = User.objects.get(pk=alice.pk).me_version
    for action, shown in ((actions.suspend_user, "none"), (actions.restore_user, "contact")):
        action(bob.pk, moderator.pk)
        (news,) = published_contacts(published_events, alice)
        assert news["contact"]["state"] == shown
        assert published_contacts(published_events, carol) == []  # carol, who blocked bob, learns nothing
        missed = contact_lists.list_changed_since(alice.pk, before)
        assert [(tie.person_id, tie.visible_state) for tie in missed] == [(bob.pk, shown)]
        published_events.clear()
        action(bob.pk, moderator.pk)  # a repeat has no effect
        assert published_contacts(published_events, alice) == []


def test_contacts_include_presence(apps, alice, bob, monkeypatch):
    from presence.tracker import PresenceTracker, set_tracker

    set_tracker(tracker := PresenceTracker())
    try:
        contacts.add_contact(alice.pk, bob.pk)
        tracker.record_heartbeat(f"u:{bob.pk}")
        (row,) = apps["alice"].send("get", "contacts/").json()["results"]
        assert row["presence"] == {"user_id": bob.pk, "online": True, "last_seen": None}
        actions.update_profile(bob.pk, {"show_presence": "contacts"})
        (row,) = apps["alice"].send("get", "contacts/").json()["results"]
        assert row["presence"]["online"] is False
    finally:
        set_tracker(None)


def test_contact_requests_are_rate_limited(rate_limits_on, alice, make_user, settings):
    codes, burst = [], settings.RATES["contact"][0]
    for number in range(burst + 1):
        other = make_user(f"p{number}", write_to_me="contacts")
        try:
            codes.append(contacts.add_contact(alice.pk, other.pk).state)
        except ApplicationError as error:
            codes.append(error.code)
    assert codes == ["asked"] * burst + ["rate_limited"]


def test_concurrent_mutual_requests_make_contacts(each_database, make_user):
    one, other = make_user("one", write_to_me="contacts"), make_user("other", write_to_me="contacts")
    run_concurrently(lambda: contacts.add_contact(one.pk, other.pk), lambda: contacts.add_contact(other.pk, one.pk))
    assert (state(one, other), state(other, one)) == ("contact", "contact")
