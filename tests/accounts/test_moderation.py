"""Tests of moderators in the admin: a suspension takes effect at once, and moderators cannot get more permissions."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts import actions
from accounts.auth import moderator_group
from accounts.models import SignIn, User
from audit.models import AuditEntry
from messenger.core.errors import ApplicationError
from tests.servers import PASSWORD


@pytest.fixture
def moderators_group(database):
    """Creates the permission group of moderators and returns it.

    The command `migrate` creates the group too, but other tests may have emptied the database tables since then.
    """
    from django.apps import apps

    for label in ("accounts", "chat"):
        moderator_group.create_moderator_group(apps.get_app_config(label), "default", apps)
    return Group.objects.get(name=moderator_group.GROUP_NAME)


@pytest.fixture
def moderator(make_user, moderators_group):
    user = make_user("mona", is_staff=True)
    user.groups.add(moderators_group)
    return user


@pytest.fixture
def superuser(make_user):
    return make_user("root", is_staff=True, is_superuser=True)


def browser_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def act(browser, name, *users):
    data = {"action": name, "_selected_action": [user.pk for user in users], "confirmed": "yes"}
    return browser.post("/admin/accounts/user/", data, follow=True)


def test_migrate_creates_the_moderators_group_with_permissions(moderators_group):
    held = {f"{p.content_type.app_label}.{p.codename}" for p in moderators_group.permissions.all()}
    assert {"accounts.view_user", "accounts.suspend_user", "chat.view_message"} <= held
    assert not {name for name in held if "delete_" in name or name == "accounts.change_user"}
    assert {name for name in held if "add_" in name} == {"accounts.add_addressban", "chat.add_wordlist"}


def test_a_moderator_can_search_users(moderator, make_user):
    make_user("alice", name="Alice", email="alice@example.com")
    browser = browser_of(moderator)
    for q in ("alice", "Alice", "alice@example.com", "a1ice", "аlice"):
        page = browser.get("/admin/accounts/user/", {"q": q})
        assert [user.username for user in page.context["cl"].result_list] == ["alice"], q
    assert browser.get("/admin/accounts/user/", {"q": "a\0b"}).status_code == 200


def test_suspension_ends_all_sign_ins_and_restoring_allows_sign_in(published_events, moderator, alice, make_api):
    app, alices = make_api(alice), browser_of(alice)
    answer = act(browser_of(moderator), "suspend", alice)
    assert "1 person suspended." in [str(m) for m in answer.context["messages"]]
    alice.refresh_from_db()
    assert not alice.is_active and alice.suspended_at
    assert not SignIn.objects.filter(user=alice, ended_at=None).exists()
    assert [(cut.user_id, cut.code) for cut in published_events.disconnects()] == [(alice.pk, 4403)]
    assert app.send("get", "me/").status_code == 401
    assert alices.get("/settings/").status_code == 302
    assert AuditEntry.objects.filter(target_id=alice.pk, actor_id=moderator.pk).count() == 1

    act(browser_of(moderator), "restore", alice)
    alice.refresh_from_db()
    assert alice.is_active and alice.suspended_at is None
    assert app.send("get", "me/").status_code == 401  # ended sign-ins stay ended
    app.sign_in("alice")


def test_a_moderator_cannot_suspend_staff_or_themselves(moderator, superuser, make_user):
    other = make_user("otto", is_staff=True)
    act(browser_of(moderator), "suspend", superuser, other, moderator)
    assert User.objects.filter(is_active=False).count() == 0
    act(browser_of(superuser), "suspend", other, superuser)
    assert [user.username for user in User.objects.filter(is_active=False)] == ["otto"]


@pytest.mark.parametrize("who", ["alice", "staff without rights", "nobody"])
def test_only_moderators_can_suspend(alice, bob, make_user, who):
    by = {"alice": alice.pk, "staff without rights": make_user("stan", is_staff=True).pk, "nobody": 0}[who]
    for action in (actions.suspend_user, actions.restore_user):
        with pytest.raises(ApplicationError, match="forbidden"):
            action(bob.pk, by)
    bob.refresh_from_db()
    assert bob.is_active


def test_a_moderator_cannot_change_their_own_permissions(moderator, alice):
    browser = browser_of(moderator)
    for user in (moderator, alice):
        before = User.objects.filter(pk=user.pk).values().get()
        answer = browser.post(
            f"/admin/accounts/user/{user.pk}/change/",
            {"username": user.username, "is_staff": "on", "is_superuser": "on", "groups": [], "user_permissions": [1]},
        )
        assert answer.status_code == 403
        assert browser.post(f"/admin/accounts/user/{user.pk}/password/", {"password1": "x"}).status_code == 403
        assert User.objects.filter(pk=user.pk).values().get() == before
    assert browser.get("/admin/accounts/user/add/").status_code == 403
    assert browser.get("/admin/auth/group/").status_code == 403
    assert browser.get(f"/admin/accounts/user/{alice.pk}/delete/").status_code == 403


def test_the_change_permission_does_not_allow_escalation(moderator, alice, superuser):
    moderator.user_permissions.add(Permission.objects.get(codename="change_user"))
    browser = browser_of(moderator)
    form = {
        **{"username": "alice", "name": "Renamed", "theme": "system", "is_staff": "on", "is_superuser": "on"},
        **{"sign_ins-TOTAL_FORMS": 0, "sign_ins-INITIAL_FORMS": 0, "is_active": "on"},
    }
    browser.post(f"/admin/accounts/user/{alice.pk}/change/", form)
    alice.refresh_from_db()
    assert alice.name == "Renamed" and not alice.is_staff and not alice.is_superuser
    assert browser.post(f"/admin/accounts/user/{superuser.pk}/password/", {}).status_code == 403
    assert browser.post(f"/admin/accounts/user/{superuser.pk}/change/", form).status_code == 403


def test_a_name_change_is_published_and_writes_only_that_field(published_events, superuser, alice):
    browser = browser_of(superuser)
    form = {
        **{"username": "alice", "name": "Renamed", "theme": "system"},
        **{"sign_ins-TOTAL_FORMS": 0, "sign_ins-INITIAL_FORMS": 0},
    }
    published_events.clear()
    browser.post(f"/admin/accounts/user/{alice.pk}/change/", form)
    assert [news.me_version for news in published_events.for_user(alice)] == [alice.me_version + 1]
    assert "Renamed" in published_events.for_user(alice)[0].text


def test_password_hashes_are_not_shown(superuser, alice):
    tokens_client = browser_of(alice)
    assert tokens_client
    page = browser_of(superuser).get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    assert alice.password not in page and "md5$" not in page
    session_key = alice.sign_ins.get().session_key
    assert session_key not in page and alice.sign_ins.get().stamp not in page


def test_an_administrator_can_add_a_user(superuser):
    form = {
        **{"username": "王小明", "usable_password": "true", "password1": "correct horse", "password2": "correct horse"},
        **{"sign_ins-TOTAL_FORMS": 0, "sign_ins-INITIAL_FORMS": 0},
    }
    browser = browser_of(superuser)
    answer = browser.post("/admin/accounts/user/add/", form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert User.objects.get_by_natural_key("王小明").check_password("correct horse")
    again = browser.post("/admin/accounts/user/add/", {**form, "username": "r00t"})
    assert again.status_code == 200 and "username" in again.context["adminform"].form.errors


def test_a_user_without_permissions_gets_403_in_the_admin(alice):
    client = browser_of(alice)
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403 and len(answer.redirect_chain) <= 2


def test_staff_are_redirected_to_the_requested_admin_page(moderator):
    client = Client()
    answer = client.get("/admin/accounts/user/", follow=True)
    target = answer.redirect_chain[-1][0]
    answer = client.post(target, {"login": "mona", "password": PASSWORD})
    assert answer.url == "/admin/accounts/user/"
