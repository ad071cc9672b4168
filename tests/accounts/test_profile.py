"""Tests of a user's own profile and settings, changed on the page or through the API."""

import io
import json
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone, translation
from PIL import Image

from accounts import actions, hooks, tasks
from accounts.models import RetiredUsername, SignIn, User
from accounts.selectors.languages import language_for
from accounts.selectors.usernames import is_username_taken
from messenger.core.errors import ApplicationError
from messenger.core.timestamps import format_timestamp
from tests.servers import PASSWORD

FORM = {
    "username": "alice",
    "name": "Alice",
    "bio": "",
    "language": "",
    "time_zone": "",
    "theme": "system",
}


@pytest.fixture
def app(make_api, alice):
    return make_api(alice)


@pytest.fixture
def browser(alice):
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def profile_changes():
    """Yields a list. When a changed profile is published to other users, the id of its user is added to the list."""
    ids: list[int] = []
    hooks.profile_changed.append(ids.append)
    yield ids
    hooks.profile_changed.remove(ids.append)


def test_the_own_profile_has_all_fields(app, alice):
    assert app.send("get", "me/").json() == {
        "id": alice.pk,
        "username": "alice",
        "name": "Alice",
        "avatar_url": None,
        "email": "",
        "bio": "",
        "language": "",
        "time_zone": "",
        "theme": "system",
        "find_me": "everyone",
        "write_to_me": "everyone",
        "add_me": "everyone",
        "show_presence": "everyone",
        "show_last_seen": "everyone",
        "show_receipts": "everyone",
        "muted_until": None,
        "notice_count": 0,
        "me_version": 0,
        "created_at": format_timestamp(alice.date_joined),
        "initials": {"initial": "A", "second": "l", "lang": "en", "hue": alice.pk % 10},
    }


def test_a_change_is_stored_with_a_version_and_published_to_own_devices(published_events, profile_changes, app, alice):
    changes = {
        "name": " 爱丽丝 ",
        "bio": "hello",
        "theme": "dark",
        "time_zone": "Asia/Shanghai",
        "show_presence": "nobody",
    }
    answer = app.send("patch", "me/", changes)
    assert answer.status_code == 200
    expected = {**changes, "name": "爱丽丝", "me_version": 1}
    assert {name: answer.json()[name] for name in expected} == expected
    (news,) = published_events.for_user(alice)
    assert json.loads(news.text) == {"type": "me.updated", "payload": {"me_version": 1, "user": answer.json()}}
    assert news.me_version == 1
    assert profile_changes == [alice.pk]


def test_a_change_without_effect_takes_no_version_and_publishes_nothing(published_events, profile_changes, app, alice):
    app.send("patch", "me/", {"name": "Alice", "theme": "system"})
    app.send("patch", "me/", {})
    alice.refresh_from_db()
    assert alice.me_version == 0 and published_events.for_user(alice) == [] and profile_changes == []


def test_a_private_field_is_not_published_to_others(published_events, profile_changes, app):
    app.send("patch", "me/", {"bio": "x", "theme": "light", "language": "zh-hans"})
    assert profile_changes == []


def test_a_new_user_name_is_validated(published_events, profile_changes, app, alice, bob):
    for taken in ("b0b", "BOB", "admin", "a", "a\u202eb", "аlice"):
        answer = app.send("patch", "me/", {"username": taken, "bio": "lost?"})
        assert answer.status_code == 400 and list(answer.json()["fields"]) == ["username"], taken
    alice.refresh_from_db()
    assert (alice.username, alice.bio) == ("alice", "")
    assert app.send("patch", "me/", {"username": "ALICE"}).json()["username"] == "ALICE"  # still her own name
    assert app.send("patch", "me/", {"username": "王小明"}).json()["username"] == "王小明"
    assert User.objects.get_by_natural_key("王小明") == alice
    assert profile_changes == [alice.pk, alice.pk]


def test_an_existing_reserved_name_can_be_kept(make_user):
    admin = make_user("admin")
    assert actions.update_profile(admin.pk, {"username": "admin", "bio": "x"}).bio == "x"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "x" * 61},
        {"bio": "x" * 161},
        {"language": "tlh"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"theme": "pink"},
        {"show_presence": "yes"},
        {"show_presence": None},
        {"name": 7},
        {"name": None},
        {"bio": ["x"]},
        {"name": "a\0b"},
    ],
)
def test_an_invalid_value_is_a_field_error_and_changes_nothing(app, alice, changes):
    answer = app.send("patch", "me/", {"theme": "dark", **changes})
    assert answer.status_code == 400, answer.json()
    assert list(answer.json()["fields"]) == list(changes)
    before = alice.me_version
    alice.refresh_from_db()
    assert alice.me_version == before


@pytest.mark.parametrize(
    "name", ["id", "email", "password", "is_staff", "is_superuser", "is_active", "me_version", "groups", "suspended_at"]
)
def test_privileged_fields_cannot_be_mass_assigned(app, alice, name):
    before = User.objects.filter(pk=alice.pk).values().get()
    app.send("patch", "me/", {name: True})
    with pytest.raises(ApplicationError):
        actions.update_profile(alice.pk, {name: True})
    assert User.objects.filter(pk=alice.pk).values().get() == before


def test_the_page_saves_without_scripts_and_confirms(browser, alice):
    answer = browser.post("/settings/", {**FORM, "name": "Ally", "theme": "dark", "language": "zh-hans"}, follow=True)
    assert answer.redirect_chain == [("/settings/", 302)]
    alice.refresh_from_db()
    assert (alice.name, alice.theme, alice.language) == ("Ally", "dark", "zh-hans")
    assert len(answer.context["messages"]) == 1
    assert answer["Content-Language"] == "zh-hans"


def test_an_error_is_shown_at_its_field_and_keeps_the_input(browser, alice, bob):
    answer = browser.post("/settings/", {**FORM, "username": "b0b", "bio": "typed at length"})
    assert answer.status_code == 422
    form = answer.context["form"]
    assert "username" in form.errors and form["bio"].value() == "typed at length"
    assert answer.context["user"].username == "alice"  # the page around the form shows the stored value


def test_anonymous_users_are_redirected_to_sign_in(client, db):
    for path in ("/settings/", "/settings/sessions/"):
        assert client.get(path).url == f"/accounts/login/?next={path}"


def test_private_pages_are_not_cacheable(browser, client, db):
    assert browser.get("/settings/")["Cache-Control"] == "private, no-store"
    assert browser.get("/api/v1/me/")["Cache-Control"] == "private, no-store"


def test_a_button_removes_the_photo_at_once_and_changes_nothing_else(browser, alice):
    page = browser.get("/settings/").content.decode()
    assert "remove_picture" not in page
    picture = io.BytesIO()
    Image.new("RGB", (300, 300), "teal").save(picture, "PNG")
    browser.post("/settings/", FORM | {"picture": SimpleUploadedFile("a.png", picture.getvalue())})
    page = browser.get("/settings/").content.decode()
    buttons = re.findall(r"<button[^>]*>", page.partition('enctype="multipart/form-data"')[2])
    assert buttons[0] == "<button hidden>"  # Enter in a field presses the first button
    assert any('name="remove_picture"' in button for button in buttons)
    unsaved = FORM | {"name": "Alicia", "bio": "typed at length"}
    answer = browser.post("/settings/", unsaved | {"remove_picture": "on"}, follow=True)
    alice.refresh_from_db()
    assert not alice.avatar and alice.name == "Alice" and "Photo removed." in answer.content.decode()
    form = answer.context["form"]
    assert form["name"].value() == "Alicia" and form["bio"].value() == "typed at length"  # not lost, not stored
    assert browser.get("/settings/").context["form"]["name"].value() == "Alice"


# ── Language and time zone ─────────────────────────────────────────────────────────────────────────────────────────
def test_the_language_of_the_profile_overrides_the_browser(browser, alice):
    headers = {"accept-language": "zh-CN,zh;q=0.9"}
    assert browser.get("/settings/", headers=headers)["Content-Language"] == "zh-hans"
    User.objects.filter(pk=alice.pk).update(language="en")
    assert browser.get("/settings/", headers=headers)["Content-Language"] == "en"


def test_an_anonymous_user_can_choose_a_language(client, db):
    answer = client.post("/language/", {"language": "zh-hans", "next": "/accounts/login/"})
    assert answer.url == "/accounts/login/"
    assert client.get("/accounts/login/")["Content-Language"] == "zh-hans"
    client.post("/language/", {"language": "tlh"})
    assert client.get("/accounts/login/")["Content-Language"] == "zh-hans"
    for address in ("https://evil.example/", "//evil.example", "@evil", "?x=1", "nonsense", "home"):
        assert client.post("/language/", {"language": "en", "next": address}).url == "/"


def test_a_chosen_language_is_stored_in_the_profile(browser, alice):
    browser.post("/language/", {"language": "zh-hans", "next": "/settings/"})
    alice.refresh_from_db()
    assert alice.language == "zh-hans"


@pytest.mark.parametrize(
    ("profile", "cookie", "zone"),
    [
        ("", "", "UTC"),
        ("", "Asia/Shanghai", "Asia/Shanghai"),
        ("Europe/Berlin", "Asia/Shanghai", "Europe/Berlin"),
        ("", "../../etc/passwd", "UTC"),
        ("", "America", "UTC"),
        ("", "x" * 4000, "UTC"),
    ],
)
def test_the_time_zone_comes_from_profile_then_browser_then_site(browser, alice, profile, cookie, zone):
    User.objects.filter(pk=alice.pk).update(time_zone=profile)
    browser.cookies["timezone"] = cookie
    assert browser.get("/settings/").context["time_zone"] == zone


def test_a_changed_username_rests_before_somebody_else_may_use_it(alice, bob, make_user):
    actions.update_profile(alice.pk, {"username": "alicia"})
    for name in ("alice", "ALICE", "aIice"):
        with pytest.raises(ApplicationError):
            actions.update_profile(bob.pk, {"username": name})
    assert actions.update_profile(alice.pk, {"username": "alice"}).username == "alice", "her own name"
    actions.update_profile(alice.pk, {"username": "alicia"})
    RetiredUsername.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert actions.update_profile(bob.pk, {"username": "alice"}).username == "alice"
    tasks.delete_expired_usernames.call()
    assert RetiredUsername.objects.filter(user=alice).count() == 0


def test_the_name_of_a_deleted_account_never_rests_only_for_a_while(alice, bob):
    actions.update_profile(alice.pk, {"username": "alicia"})
    actions.update_profile(alice.pk, {"username": "alice"})
    actions.erase_account(alice.pk)
    assert set(RetiredUsername.objects.filter(until=None, user=None)) and is_username_taken("alice", bob.pk)


def test_the_last_time_zone_of_a_browser_is_used_without_scripts(browser, alice):
    browser.cookies["timezone"] = "Asia/Tokyo"
    browser.get("/settings/")
    del browser.cookies["timezone"]
    assert browser.get("/settings/").context["time_zone"] == "Asia/Tokyo"
    browser.cookies["timezone"] = "Asia/Shanghai"  # the machine has been moved
    assert browser.get("/settings/").context["time_zone"] == "Asia/Shanghai"
    SignIn.objects.update(last_used_at=timezone.now() - timedelta(minutes=11))
    browser.get("/settings/")
    alice.refresh_from_db()
    assert alice.browser_time_zone == "Asia/Shanghai", "stored at most every ten minutes for each browser"
    browser.cookies["timezone"] = "../../etc/passwd"
    assert browser.get("/settings/").context["time_zone"] == "Asia/Shanghai"


def test_signing_in_stores_the_time_zone_and_language_of_a_new_browser(alice):
    User.objects.filter(pk=alice.pk).update(browser_time_zone="Asia/Shanghai", browser_language="zh-hans")
    new_browser = Client(headers={"accept-language": "en"})
    new_browser.cookies["timezone"] = "America/New_York"
    new_browser.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    alice.refresh_from_db()
    assert (alice.browser_time_zone, alice.browser_language) == ("America/New_York", "en")


def test_the_language_of_the_last_browser_is_remembered_for_texts_without_a_request(browser, alice):
    browser.get("/settings/")
    alice.refresh_from_db()
    assert (alice.browser_language, language_for(alice)) == ("", "en"), "the request names no language"
    browser.get("/settings/", headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    alice.refresh_from_db()
    assert (alice.browser_language, language_for(alice)) == ("zh-hans", "zh-hans")
    alice.language = "en"
    assert language_for(alice) == "en", "her own choice"


def test_the_language_of_a_request_does_not_affect_the_next(browser, client, alice):
    User.objects.filter(pk=alice.pk).update(language="zh-hans")
    browser.get("/settings/")
    assert Client().get("/accounts/login/")["Content-Language"] == "en"
    translation.activate("en")


def zone_choices(browser) -> list:
    return list(browser.get("/settings/").context["form"].fields["time_zone"].choices)


def test_time_zones_are_grouped_by_region_with_readable_names_and_the_one_of_the_browser_first(browser):
    browser.cookies["timezone"] = "America/Argentina/Buenos_Aires"
    first, *groups = zone_choices(browser)
    assert first == ("", "Same as browser: Buenos Aires (UTC-03:00)")
    assert [name for name, _zones in groups][:2] == ["Africa", "America"] and groups[-1] == ("Other", [("UTC", "UTC")])
    zones = dict(zone for _region, zones in groups for zone in zones)
    assert zones["Asia/Shanghai"] == "Shanghai (UTC+08:00)" and zones["Asia/Kolkata"] == "Kolkata (UTC+05:30)"
    assert "Asia/Calcutta" not in zones and "US/Eastern" not in zones and 300 < len(zones) < 500
    assert all(re.fullmatch(r"[^/_]+ \(UTC[+-]\d\d:\d\d\)|UTC", label) for label in zones.values())
    assert all(zones == sorted(zones, key=lambda zone: zone[1]) for _region, zones in groups)


@pytest.mark.parametrize("cookie", ["", "nonsense", "../../etc/passwd"])
def test_an_unknown_zone_of_the_browser_is_not_named(browser, cookie):
    browser.cookies["timezone"] = cookie
    assert zone_choices(browser)[0] == ("", "Same as browser")


def test_an_old_name_of_a_time_zone_stays_chosen(browser, alice):
    User.objects.filter(pk=alice.pk).update(time_zone="Asia/Calcutta")
    assert '<option value="Asia/Calcutta" selected' in browser.get("/settings/").content.decode()
    assert browser.post("/settings/", FORM | {"time_zone": "Asia/Calcutta"}).status_code == 302
    alice.refresh_from_db()
    assert alice.time_zone == "Asia/Calcutta"
