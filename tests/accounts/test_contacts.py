"""Contacts and blocks (B1, J17) as verbs and by REST: lists of one's own, requests, what is told to whom."""

import json

import pytest

from accounts import actions
from accounts.actions import contacts
from accounts.models import PRIVACY_FIELDS, Relationship, User
from accounts.selectors import contact_lists
from messenger.core.errors import ApplicationError
from messenger.live.events import RefreshVisibility
from tests.actions.test_concurrency import at_once


@pytest.fixture
def apps(make_api, alice, bob, carol):
    return {user.username: make_api(user) for user in (alice, bob, carol)}


def asks_first(user, **settings):
    actions.update_profile(user.pk, settings or {"write_to_me": "contacts"})


def state(user, other) -> str:
    tie = Relationship.objects.filter(user=user, person=other).first()
    return tie.state if tie else "none"


def refusal(verb, *args) -> str:
    with pytest.raises(ApplicationError) as refused:
        verb(*args)
    return refused.value.code


def told_contacts(told, user) -> list[dict]:
    frames = [json.loads(item.text) for item in told.to(user)]
    return [frame["payload"] for frame in frames if frame["type"] == "contact.updated"]


def test_whoever_lets_everybody_in_is_put_into_a_list_and_not_told(told, apps, alice, bob):
    answer = apps["alice"].send("put", f"contacts/{bob.pk}/")
    assert answer.status_code == 200
    assert answer.json()["user"]["username"] == "bob" and answer.json()["state"] == "contact"
    assert state(bob, alice) == "none"
    assert [each["contact"]["state"] for each in told_contacts(told, alice)] == ["contact"]
    assert told_contacts(told, bob) == []


@pytest.mark.parametrize("setting", PRIVACY_FIELDS)
def test_whoever_lets_in_contacts_alone_is_asked(told, apps, alice, bob, setting):
    asks_first(bob, **{setting: "contacts"})
    if setting == "find_me":
        contacts.add_contact(bob.pk, alice.pk)
        contacts.remove_contact(bob.pk, alice.pk)
        assert apps["alice"].send("put", f"contacts/{bob.pk}/").status_code == 404
        return
    assert apps["alice"].send("put", f"contacts/{bob.pk}/").json()["state"] == "asked"
    assert (state(alice, bob), state(bob, alice)) == ("asked", "asks")
    (news,) = told_contacts(told, bob)
    assert news["contact"]["state"] == "asks" and news["requests"] == 1
    bob.refresh_from_db()
    assert news["me_version"] == bob.me_version and bob.request_count == 1


def test_an_accepted_request_makes_each_the_other_s_contact(apps, alice, bob):
    asks_first(bob)
    contacts.add_contact(alice.pk, bob.pk)
    assert apps["bob"].send("put", f"contacts/{alice.pk}/").json()["state"] == "contact"
    assert (state(alice, bob), state(bob, alice)) == ("contact", "contact")
    bob.refresh_from_db()
    assert bob.request_count == 0


def test_a_declined_request_leaves_nothing_and_may_be_made_again(apps, alice, bob):
    asks_first(bob)
    contacts.add_contact(alice.pk, bob.pk)
    assert apps["bob"].send("delete", f"contacts/{alice.pk}/").status_code == 204
    assert (state(alice, bob), state(bob, alice)) == ("none", "none")
    assert contacts.add_contact(alice.pk, bob.pk).state == "asked"


def test_an_ignored_request_goes_on_waiting_and_is_seen_no_more(told, apps, alice, bob):
    asks_first(bob)
    contacts.add_contact(alice.pk, bob.pk)
    told.clear()
    assert apps["bob"].send("put", f"contacts/{alice.pk}/ignore/").status_code == 204
    assert told_contacts(told, alice) == []
    assert contact_lists.list_contacts(bob.pk).received_requests == [] and state(alice, bob) == "asked"
    assert contacts.add_contact(alice.pk, bob.pk).state == "asked"  # asking again asks nobody again
    assert contact_lists.list_contacts(bob.pk).received_requests == []


def test_a_request_may_be_taken_back(apps, alice, bob):
    asks_first(bob)
    contacts.add_contact(alice.pk, bob.pk)
    assert apps["alice"].send("delete", f"contacts/{bob.pk}/").status_code == 204
    assert (state(alice, bob), state(bob, alice)) == ("none", "none")


def test_whoever_has_me_in_their_list_need_not_be_asked(alice, bob):
    contacts.add_contact(bob.pk, alice.pk)
    asks_first(bob)
    assert contacts.add_contact(alice.pk, bob.pk).state == "contact"


def test_removing_takes_out_of_my_list_alone(apps, alice, bob):
    contacts.add_contact(alice.pk, bob.pk)
    contacts.add_contact(bob.pk, alice.pk)
    assert apps["alice"].send("delete", f"contacts/{bob.pk}/").status_code == 204
    assert (state(alice, bob), state(bob, alice)) == ("none", "contact")
    assert apps["alice"].send("delete", f"contacts/{bob.pk}/").status_code == 404


def test_saying_what_is_so_already_takes_no_number_and_tells_nothing(told, alice, bob):
    contacts.add_contact(alice.pk, bob.pk)
    contacts.block_user(alice.pk, bob.pk)
    told.clear()
    before = User.objects.values_list("me_version", flat=True).get(pk=alice.pk)
    contacts.block_user(alice.pk, bob.pk)
    assert refusal(contacts.add_contact, alice.pk, bob.pk) == "blocked"
    assert list(told) == []
    assert User.objects.values_list("me_version", flat=True).get(pk=alice.pk) == before


def test_nobody_is_their_own_contact_or_blocks_themselves(alice):
    assert refusal(contacts.add_contact, alice.pk, alice.pk) == "invalid"
    assert refusal(contacts.block_user, alice.pk, alice.pk) == "invalid"


def test_who_cannot_be_found_is_as_if_not_there(apps, alice, bob):
    actions.update_profile(bob.pk, {"find_me": "nobody"})
    for method, path in (("put", "contacts"), ("put", "blocks"), ("delete", "contacts"), ("delete", "blocks")):
        hidden, nowhere = (apps["alice"].send(method, f"{path}/{pk}/") for pk in (bob.pk, 4711))
        assert hidden.status_code == nowhere.status_code == 404
        assert hidden.json() == nowhere.json()


# ── Blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_block_is_mine_alone_to_hear(told, apps, alice, bob):
    answer = apps["alice"].send("put", f"blocks/{bob.pk}/")
    assert answer.status_code == 200 and answer.json()["blocked"] is True
    assert [each["contact"]["blocked"] for each in told_contacts(told, alice)] == [True]
    assert told.to(bob) == []
    assert {item.user_id for item in told if isinstance(item, RefreshVisibility)} == {alice.pk, bob.pk}
    alice.refresh_from_db()
    assert alice.blocked_ids == [bob.pk]
    assert [each["user"]["id"] for each in apps["alice"].send("get", "blocks/").json()["results"]] == [bob.pk]
    assert apps["bob"].send("get", "blocks/").json()["results"] == []


def test_a_block_hides_a_contact_and_unblocking_brings_it_back(apps, alice, bob):
    contacts.add_contact(alice.pk, bob.pk)
    contacts.add_contact(bob.pk, alice.pk)
    contacts.block_user(alice.pk, bob.pk)
    assert contact_lists.list_contacts(alice.pk).contacts == []
    assert [tie.person_id for tie in contact_lists.list_contacts(bob.pk).contacts] == [
        alice.pk
    ]  # his own list tells him nothing
    assert apps["alice"].send("delete", f"blocks/{bob.pk}/").status_code == 204
    assert [tie.person_id for tie in contact_lists.list_contacts(alice.pk).contacts] == [bob.pk]
    alice.refresh_from_db()
    assert alice.blocked_ids == []
    assert apps["alice"].send("delete", f"blocks/{bob.pk}/").status_code == 404


def test_a_request_of_a_blocked_person_is_answered_as_any_and_not_seen(told, alice, bob, carol):
    asks_first(alice)
    contacts.block_user(alice.pk, bob.pk)
    told.clear()
    theirs, hers = contacts.add_contact(bob.pk, alice.pk), contacts.add_contact(carol.pk, alice.pk)
    assert (theirs.state, theirs.blocked) == (hers.state, hers.blocked) == ("asked", False)
    alice.refresh_from_db()
    assert [tie.person_id for tie in contact_lists.list_contacts(alice.pk).received_requests] == [
        carol.pk
    ] and alice.request_count == 1
    contacts.unblock_user(alice.pk, bob.pk)
    alice.refresh_from_db()
    assert len(contact_lists.list_contacts(alice.pk).received_requests) == 2 and alice.request_count == 2


def test_blocking_without_scripts_of_somebody_met_who_hides(alice, bob):
    from chat.actions import create_group

    create_group(alice.pk, "Room", [bob.pk])
    actions.update_profile(bob.pk, {"find_me": "nobody"})
    assert contacts.block_user(alice.pk, bob.pk).blocked


def test_lists_leave_out_the_suspended_and_cost_one_query(django_assert_num_queries, alice, bob, carol, person):
    for each in (bob, carol):
        contacts.add_contact(alice.pk, each.pk)
    asks_first(alice)
    contacts.add_contact(bob.pk, alice.pk)
    moderator = person("root", is_superuser=True)
    actions.suspend_user(bob.pk, moderator.pk)
    with django_assert_num_queries(1):
        mine = contact_lists.list_contacts(alice.pk)
    assert [tie.person_id for tie in mine.contacts] == [carol.pk]
    actions.restore_user(bob.pk, moderator.pk)
    assert len(contact_lists.list_contacts(alice.pk).contacts) == 2


def test_a_suspended_person_asks_nobody(alice, bob, person):
    asks_first(alice)
    contacts.add_contact(bob.pk, alice.pk)
    moderator = person("root", is_superuser=True)
    for verb, count in ((actions.suspend_user, 0), (actions.restore_user, 1)):
        verb(bob.pk, moderator.pk)
        alice.refresh_from_db()
        assert alice.request_count == len(contact_lists.list_contacts(alice.pk).received_requests) == count


def test_who_is_suspended_leaves_the_lists_of_others_at_once_and_comes_back(told, apps, alice, bob, carol, person):
    moderator = person("root", is_superuser=True)
    contacts.add_contact(alice.pk, bob.pk)
    contacts.block_user(carol.pk, bob.pk)
    told.clear()
    before = User.objects.get(pk=alice.pk).me_version
    for verb, shown in ((actions.suspend_user, "none"), (actions.restore_user, "contact")):
        verb(bob.pk, moderator.pk)
        (news,) = told_contacts(told, alice)
        assert news["contact"]["state"] == shown
        assert told_contacts(told, carol) == []  # she sees no difference
        missed = contact_lists.list_changed_since(alice.pk, before)
        assert [(tie.person_id, tie.visible_state) for tie in missed] == [(bob.pk, shown)]
        told.clear()
        verb(bob.pk, moderator.pk)  # said again: nothing changes
        assert told_contacts(told, alice) == []


def test_contacts_come_with_who_is_here(apps, alice, bob, monkeypatch):
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


def test_asking_many_people_is_slowed_down(limited, alice, person):
    codes = []
    for number in range(contacts.REQUEST_BURST + 1):
        other = person(f"p{number}", write_to_me="contacts")
        try:
            codes.append(contacts.add_contact(alice.pk, other.pk).state)
        except ApplicationError as refused:
            codes.append(refused.code)
    assert codes == ["asked"] * contacts.REQUEST_BURST + ["rate_limited"]


def test_two_who_ask_each_other_at_once_are_contacts(each_database, person):
    one, other = person("one", write_to_me="contacts"), person("other", write_to_me="contacts")
    at_once(lambda: contacts.add_contact(one.pk, other.pk), lambda: contacts.add_contact(other.pk, one.pk))
    assert (state(one, other), state(other, one)) == ("contact", "contact")
