"""Tests of calls: who may call whom, how a call begins and ends, and who gets offers, answers and candidates."""

from __future__ import annotations

import uuid
from datetime import timedelta
from unittest import mock

import pytest
from django.utils import timezone

from accounts import actions as account_actions
from calls import actions, ice, rules, selectors
from calls.models import Call, Participant
from calls.payloads import CandidatePayload, OfferPayload
from calls.schemas import CandidateSchema
from calls.supervision import CallSupervisor
from chat import actions as chat_actions
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError
from messenger.live import events

pytestmark = pytest.mark.django_db(transaction=True)
PHONE, LAPTOP, OTHER = "phone-0001", "laptop-0001", "other-0001"


@pytest.fixture
def published():
    """Records the events that are published."""
    recorded: list = []
    previous = events.set_publisher(recorded.extend)
    yield recorded
    events.set_publisher(previous)


@pytest.fixture
def call(alice, bob, direct_conversation):
    """A call from alice to bob, which rings."""
    return actions.invite(alice.pk, direct_conversation.pk, LAPTOP, "audio")


def states(call) -> dict[str, str]:
    return {each.user.username: each.state for each in call.participants}


def current(call):
    return Call.objects.get(pk=call.id)


def make_old(call, **times: timedelta) -> None:
    """Moves the times of a call into the past: when it began, and when its participants were last seen."""
    now = timezone.now()
    if "started" in times:
        Call.objects.filter(pk=call.id).update(started_at=now - times["started"])
    if "seen" in times:
        Participant.objects.filter(call=call.id).update(seen_at=now - times["seen"])


# ── One to one ───
def test_a_call_rings_is_answered_and_ends(alice, bob, call, published):
    assert (call.state, states(call)) == ("ringing", {"alice": "joined", "bob": "ringing"})
    assert [each.id for each in selectors.list_calls(bob.pk)] == [call.id]
    assert [each.rang for each in actions.ringing(bob.pk, call.id).participants] == [False, True]
    call = actions.accept(bob.pk, call.id, PHONE)
    assert (call.state, states(call)) == ("active", {"alice": "joined", "bob": "joined"})
    assert [each.device for each in call.participants] == [LAPTOP, PHONE]
    call = actions.hang_up(bob.pk, call.id, PHONE)
    assert (call.state, call.reason) == ("ended", "completed")
    assert selectors.list_calls(bob.pk) == []
    groups = {event.group for event in published if isinstance(event, events.EphemeralEvent)}
    assert {f"user.{alice.pk}", f"user.{bob.pk}"} <= groups


def test_declining_cancelling_and_being_busy_end_a_call(alice, bob, carol, direct_conversation, call):
    assert actions.decline(bob.pk, call.id).reason == "declined"
    call = actions.invite(alice.pk, direct_conversation.pk, LAPTOP, "video")
    call = actions.hang_up(alice.pk, call.id, LAPTOP)
    assert (call.reason, states(call)["bob"]) == ("cancelled", "missed")
    with_carol, _ = chat_actions.open_direct_conversation(carol.pk, bob.pk)
    chat_actions.open_direct_conversation(bob.pk, carol.pk)
    busy = actions.invite(carol.pk, with_carol.id, OTHER, "audio")
    actions.accept(bob.pk, busy.id, PHONE)
    call = actions.invite(alice.pk, direct_conversation.pk, LAPTOP, "audio")
    assert (call.state, call.reason, states(call)["bob"]) == ("ended", "busy", "busy")


def test_two_who_call_each_other_at_once_meet_in_one_call(alice, bob, direct_conversation, call):
    other = actions.invite(bob.pk, direct_conversation.pk, PHONE, "audio")
    assert (other.id, other.state, states(other)) == (call.id, "active", {"alice": "joined", "bob": "joined"})


def test_a_ring_ends_after_45_seconds_in_any_process(call):
    first, second = CallSupervisor(), CallSupervisor()
    assert first.step() and second.step(), "each process delivers a call that it does not know"
    assert first.step() == [] == second.step()
    make_old(call, started=timedelta(seconds=46))
    Participant.objects.filter(call=call.id).update(seen_at=timezone.now())
    first.step()
    assert (current(call).state, current(call).reason) == ("ended", "no_answer")
    assert len(second.step()) == 2, "the end reaches the connections of the other process too"
    assert first.step() is not None and first.step() == [] == second.step()


def test_a_device_without_a_sign_of_life_leaves_after_20_seconds(alice, bob, call):
    call = actions.accept(bob.pk, call.id, PHONE)
    make_old(call, seen=timedelta(seconds=15))
    CallSupervisor().step()
    assert current(call).state == "active"
    make_old(call, seen=timedelta(seconds=21))
    actions.report_alive(alice.pk, call.id, LAPTOP)
    CallSupervisor().step()
    assert (current(call).state, current(call).reason) == ("ended", "completed")
    with pytest.raises(ApplicationError, match="not_found"):
        actions.report_alive(alice.pk, call.id, LAPTOP)


def test_after_a_reload_or_on_another_device_one_returns_to_the_call(alice, bob, call):
    actions.accept(bob.pk, call.id, PHONE)
    call = actions.accept(bob.pk, call.id, OTHER)
    assert [each.device for each in call.participants] == [LAPTOP, OTHER]
    assert actions.hang_up(bob.pk, call.id, PHONE).state == "active", "the old device ends nothing"
    with pytest.raises(ApplicationError, match="not_found"):
        actions.report_alive(bob.pk, call.id, PHONE)
    version = call.version
    assert actions.accept(bob.pk, call.id, OTHER).version == version, "a repetition changes nothing"


def test_a_person_is_in_one_call_at_a_time(alice, bob, carol, group, direct_conversation, call):
    actions.accept(bob.pk, call.id, PHONE)
    with pytest.raises(ApplicationError, match="already in a call"):
        actions.invite(bob.pk, group.pk, PHONE, "audio")
    make_old(call, seen=timedelta(seconds=21))
    assert actions.invite(bob.pk, group.pk, PHONE, "audio").state == "ringing", "a lost call is left first"
    assert current(call).state == "ended"


# ── Who may call ───
def test_only_members_can_call_and_answer(bob, mallory, direct_conversation, call):
    for attempt in (
        lambda: actions.invite(mallory.pk, direct_conversation.pk, OTHER, "audio"),
        lambda: actions.accept(mallory.pk, call.id, OTHER),
        lambda: actions.decline(mallory.pk, call.id),
        lambda: actions.ringing(mallory.pk, call.id),
        lambda: actions.hang_up(mallory.pk, call.id, OTHER),
        lambda: actions.report_alive(mallory.pk, call.id, OTHER),
        lambda: actions.accept(mallory.pk, 10**9, OTHER),
    ):
        with pytest.raises(ApplicationError, match="not_found"):
            attempt()
    assert selectors.list_calls(mallory.pk) == []


def test_a_blocked_person_and_a_stranger_get_the_same_refusal(alice, bob, direct_conversation):
    actions.set_audience(bob.pk, "contacts")
    with pytest.raises(ApplicationError) as stranger:
        actions.invite(alice.pk, direct_conversation.pk, LAPTOP, "audio")
    actions.set_audience(bob.pk, "everyone")
    account_actions.block_user(bob.pk, alice.pk)
    with pytest.raises(ApplicationError) as blocked:
        actions.invite(alice.pk, direct_conversation.pk, LAPTOP, "audio")
    assert (stranger.value.code, str(stranger.value.detail)) == (blocked.value.code, str(blocked.value.detail))
    assert stranger.value.code == "forbidden"
    with pytest.raises(ApplicationError) as own:
        actions.invite(bob.pk, direct_conversation.pk, PHONE, "audio")
    assert own.value.code == "blocked"
    assert not Call.objects.exists()


def test_contacts_only_lets_contacts_call(alice, bob, direct_conversation):
    account_actions.add_contact(bob.pk, alice.pk)
    account_actions.add_contact(alice.pk, bob.pk)
    actions.set_audience(bob.pk, "contacts")
    assert actions.invite(alice.pk, direct_conversation.pk, LAPTOP, "audio").state == "ringing"
    actions.set_audience(bob.pk, "nobody")
    assert rules.filter_callable(alice.pk, [bob.pk]) == set()


def test_a_block_ends_a_call(alice, bob, call):
    actions.accept(bob.pk, call.id, PHONE)
    account_actions.block_user(bob.pk, alice.pk)
    assert current(call).state == "ended"


def test_somebody_who_never_got_a_message_is_not_called(alice, bob):
    conversation, _ = chat_actions.open_direct_conversation(alice.pk, bob.pk)
    with pytest.raises(ApplicationError, match="Send a message first"):
        actions.invite(alice.pk, conversation.id, LAPTOP, "audio")


# ── Groups ───
def test_a_group_call_has_at_most_four_people_and_ends_with_the_last(alice, bob, make_user, group, published):
    others = [make_user(f"person{number}") for number in range(4)]
    chat_actions.add_members(alice.pk, group.pk, [each.pk for each in others])
    call = actions.invite(alice.pk, group.pk, "device-alice", "video")
    assert [each.state for each in call.participants] == ["joined", *["ringing"] * 5]
    for each in others[:3]:
        call = actions.accept(each.pk, call.id, f"device-{each.username}")
    with pytest.raises(ApplicationError, match="full"):
        actions.accept(bob.pk, call.id, PHONE)
    call = actions.hang_up(alice.pk, call.id, "device-alice")
    assert call.state == "active", "it goes on without the caller"
    assert states(actions.accept(bob.pk, call.id, PHONE))["bob"] == "joined"
    for each, device in [*[(each, f"device-{each.username}") for each in others[:3]], (bob, PHONE)]:
        call = actions.hang_up(each.pk, call.id, device)
    assert (call.state, call.reason) == ("ended", "completed")


def test_who_leaves_the_group_leaves_its_call(alice, bob, group):
    call = actions.invite(alice.pk, group.pk, LAPTOP, "audio")
    actions.accept(bob.pk, call.id, PHONE)
    chat_actions.remove_member(alice.pk, group.pk, bob.pk)
    assert Participant.objects.get(call=call.id, user=bob).state == "left"
    with pytest.raises(ApplicationError, match="not_found"):
        actions.relay_description(bob.pk, call.id, PHONE, alice.pk, LAPTOP, "offer", "v=0")


def test_a_call_ends_when_the_last_participant_is_removed_from_the_group(alice, bob, group):
    call = actions.invite(alice.pk, group.pk, LAPTOP, "audio")
    actions.accept(bob.pk, call.id, PHONE)
    actions.hang_up(alice.pk, call.id, LAPTOP)
    chat_actions.remove_member(alice.pk, group.pk, bob.pk)
    assert current(call).state == "ended"
    group.refresh_from_db()
    messages = list(group.messages.order_by("seq").values_list("seq", "version", "kind"))
    assert [seq for seq, _, _ in messages] == list(range(1, group.last_seq + 1))
    assert messages[-1][1:] == (group.version, "call"), "the entry is numbered after the removal"


def test_a_deleted_group_has_no_call(alice, bob, group):
    call = actions.invite(alice.pk, group.pk, LAPTOP, "audio")
    chat_actions.delete_group(alice.pk, group.pk)
    assert selectors.list_calls(bob.pk) == []
    make_old(call, started=timedelta(seconds=46), seen=timedelta(seconds=21))
    CallSupervisor().step()
    assert current(call).state == "ended"


def test_a_group_can_switch_calls_off(alice, bob, group):
    with pytest.raises(ApplicationError, match="owner and admins"):
        actions.set_allowed_in_group(bob.pk, group.pk, False)
    actions.set_allowed_in_group(alice.pk, group.pk, False)
    with pytest.raises(ApplicationError, match="switched off"):
        actions.invite(bob.pk, group.pk, PHONE, "audio")


def test_in_a_group_blocked_people_do_not_ring_each_other(alice, bob, carol, group, published):
    chat_actions.add_members(alice.pk, group.pk, [carol.pk])
    account_actions.block_user(carol.pk, bob.pk)
    published.clear()
    call = actions.invite(bob.pk, group.pk, PHONE, "audio")
    assert states(call) == {"bob": "joined", "alice": "ringing"}
    assert selectors.list_calls(carol.pk) == []
    with pytest.raises(ApplicationError, match="not_found"):
        actions.accept(carol.pk, call.id, OTHER)
    event = next(each for each in published if getattr(each, "group", "") == f"conversation.{group.pk}")
    assert (event.subject_id, event.skip_users) == (bob.pk, (bob.pk, alice.pk)), "the hub hides it from blocked people"


# ── Signalling ───
def test_offers_and_candidates_go_to_the_devices_in_the_call_only(alice, bob, mallory, call, published):
    for device in (LAPTOP, OTHER):
        with pytest.raises(ApplicationError, match="not_found"):
            actions.relay_description(alice.pk, call.id, device, bob.pk, PHONE, "offer", "v=0")
    actions.accept(bob.pk, call.id, PHONE)
    published.clear()
    actions.relay_description(alice.pk, call.id, LAPTOP, bob.pk, PHONE, "offer", "v=0 offer")
    actions.relay_candidates(bob.pk, call.id, PHONE, alice.pk, LAPTOP, [CandidateSchema("candidate:1")])
    assert [(event.user_id, "v=0 offer" in event.text) for event in published] == [(bob.pk, True), (alice.pk, False)]
    for attempt in (
        lambda: actions.relay_description(mallory.pk, call.id, OTHER, bob.pk, PHONE, "offer", "v=0"),
        lambda: actions.relay_description(alice.pk, call.id, LAPTOP, mallory.pk, OTHER, "offer", "v=0"),
        lambda: actions.relay_description(alice.pk, call.id, LAPTOP, bob.pk, OTHER, "offer", "v=0"),
        lambda: actions.relay_description(alice.pk, call.id, OTHER, bob.pk, PHONE, "offer", "v=0"),
        lambda: actions.relay_description(alice.pk, call.id, LAPTOP, alice.pk, LAPTOP, "offer", "v=0"),
        lambda: actions.relay_description(alice.pk, 10**9, LAPTOP, bob.pk, PHONE, "offer", "v=0"),
    ):
        with pytest.raises(ApplicationError, match="not_found"):
            attempt()
    actions.hang_up(bob.pk, call.id, PHONE)
    with pytest.raises(ApplicationError, match="not_found"):
        actions.relay_description(alice.pk, call.id, LAPTOP, bob.pk, PHONE, "offer", "v=0")


def test_signals_have_a_size_and_a_rate(alice, bob, call, settings):
    import msgspec

    address = {"call_id": call.id, "device": LAPTOP, "to_user_id": bob.pk, "to_device": PHONE}
    for struct, content in (
        (OfferPayload, {"sdp": "v" * 24_001}),
        (OfferPayload, {"sdp": ""}),
        (CandidatePayload, {"candidates": [{"candidate": "c"}] * 31}),
        (CandidatePayload, {"candidates": [{"candidate": "c" * 1001}]}),
        (CandidatePayload, {"candidates": []}),
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(address | content, struct)
    actions.accept(bob.pk, call.id, PHONE)
    settings.LIMITS, settings.RATES = True, settings.RATES | {"call.signal": (3, 0.01), "call": (1, 0.01)}
    rate_limits.reset_all()
    for _ in range(3):
        actions.relay_candidates(alice.pk, call.id, LAPTOP, bob.pk, PHONE, [CandidateSchema("")])
    with pytest.raises(ApplicationError, match="rate_limited"):
        actions.relay_candidates(alice.pk, call.id, LAPTOP, bob.pk, PHONE, [CandidateSchema("")])
    rate_limits.reset_all()


# ── STUN and TURN ───
def test_turn_credentials_are_an_hmac_with_a_time_of_expiry(client, alice, settings, monkeypatch):
    assert ice.ice_servers(alice.pk).ice_servers == []
    settings.TURN_URLS, settings.TURN_SECRET, settings.STUN_URLS = (
        ["turn:t.example.org"],
        "north",
        ["stun:t.example.org"],
    )
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    client.force_login(alice)
    answer = client.get("/api/v1/calls/ice/")
    assert answer["Cache-Control"] == "no-store"
    stun, turn = answer.json()["ice_servers"]
    assert stun == {"urls": ["stun:t.example.org"], "username": "", "credential": ""}
    assert turn["username"] == f"{1_000_000 + settings.TURN_TTL}:{alice.pk}"
    assert turn["credential"] == ice.turn_password(turn["username"], "north")
    # The example that RFC 2202 gives for HMAC-SHA1, in base64.
    assert ice.turn_password("what do ya want for nothing?", "Jefe") == "7/zfauXrL6LSdBbV8YTfnCWafHk="


def test_the_settings_page_stores_who_may_call(client, alice):
    client.force_login(alice)
    assert client.post("/settings/calls/", {"call_me": "contacts"}).status_code == 302
    assert rules.get_audience(alice.pk) == "contacts"
    assert client.post("/settings/calls/", {"call_me": "all"}).status_code == 422
    assert 'value="contacts" checked' in client.get("/settings/calls/").content.decode()


# ── Entries in the history ───
def last_message(conversation):
    from chat import selectors as chat_selectors

    return chat_selectors.get_history(conversation.memberships.first().user_id, conversation.pk).results[-1]


def unread_counts(conversation) -> dict[str, int]:
    conversation.refresh_from_db()
    rows = conversation.memberships.select_related("user")
    return {row.user.username: conversation.text_count - row.read_count for row in rows}


def test_a_missed_call_is_an_unread_entry_and_an_answered_one_is_not(alice, bob, direct_conversation, call):
    actions.hang_up(alice.pk, call.id, LAPTOP)
    entry = last_message(direct_conversation)
    assert (entry.kind, entry.sender.id) == ("missed", alice.pk)
    assert entry.data == {"call_id": str(call.id), "media": "audio", "reason": "cancelled"}
    assert unread_counts(direct_conversation) == {"alice": 0, "bob": 1}
    direct_conversation.refresh_from_db()
    assert direct_conversation.last_message_id == entry.id
    call = actions.invite(alice.pk, direct_conversation.pk, LAPTOP, "video")
    actions.accept(bob.pk, call.id, PHONE)
    Call.objects.filter(pk=call.id).update(answered_at=timezone.now() - timedelta(seconds=65))
    actions.hang_up(bob.pk, call.id, PHONE)
    entry = last_message(direct_conversation)
    assert (entry.kind, entry.data["seconds"], entry.data["reason"]) == ("call", "65", "completed")
    assert unread_counts(direct_conversation) == {"alice": 0, "bob": 1}, "an answered call is not unread"
    call = actions.invite(alice.pk, direct_conversation.pk, LAPTOP, "audio")
    actions.decline(bob.pk, call.id)
    assert last_message(direct_conversation).kind == "call"
    seq = last_message(direct_conversation).seq
    chat_actions.mark_read(bob.pk, direct_conversation.pk, seq)
    assert unread_counts(direct_conversation) == {"alice": 0, "bob": 0}


def test_marking_as_unread_counts_missed_calls_of_others_only(alice, bob, direct_conversation, call):
    chat_actions.send_message(bob.pk, direct_conversation.pk, uuid.uuid4(), "hello")
    actions.hang_up(alice.pk, call.id, LAPTOP)
    chat_actions.mark_read(alice.pk, direct_conversation.pk, 1, back=True)
    assert unread_counts(direct_conversation)["alice"] == 1, "the text of bob, not her own missed call"
    chat_actions.mark_read(alice.pk, direct_conversation.pk, last_message(direct_conversation).seq)
    assert unread_counts(direct_conversation)["alice"] == 0


def test_the_page_shows_who_called_and_how_long(client, alice, bob, direct_conversation, call):
    actions.hang_up(alice.pk, call.id, LAPTOP)
    client.force_login(bob)
    page = client.get(f"/c/{direct_conversation.pk}/").content.decode()
    entry = page[page.index("call-entry missed counted") :]
    assert "Alice</b>" in entry and '<span data-slot="text">Missed voice call</span>' in entry and "Call back" in entry
    row = page[page.index("conversation-row") :]
    assert '<bdi data-part="text">Missed voice call</bdi>' in row
    client.force_login(alice)
    page = client.get(f"/c/{direct_conversation.pk}/").content.decode()
    assert "Voice call, no answer" in page and "call-entry missed" not in page.replace("\n", " ")


def test_a_closed_page_leaves_the_call_soon_and_a_reloaded_one_returns(alice, bob, mallory, call):
    actions.accept(bob.pk, call.id, PHONE)
    with pytest.raises(ApplicationError):
        actions.announce_leaving(mallory.pk, call.id, PHONE)
    with pytest.raises(ApplicationError):
        actions.announce_leaving(bob.pk, call.id, OTHER)
    actions.announce_leaving(bob.pk, call.id, PHONE)
    assert actions.expire(call.id) is None, "the page may be reloaded"
    actions.accept(bob.pk, call.id, LAPTOP)
    later = timezone.now() + actions.LEAVING_TIME + timedelta(seconds=1)
    with mock.patch.object(timezone, "now", lambda: later):
        assert actions.expire(call.id) is None, "it has returned"
    actions.announce_leaving(bob.pk, call.id, LAPTOP)
    with mock.patch.object(timezone, "now", lambda: later):
        ended = actions.expire(call.id)
    assert ended and (ended.state, ended.reason) == ("ended", "completed")
