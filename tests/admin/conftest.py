"""Fixtures of tests of the admin pages: users with admin permissions, and a test client."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from accounts.auth import moderator_group
from chat.actions.sending import SendCommand, SentMessage, send_many
from chat.payloads import SendPayload


def send_message(user, conversation_id: int, body: str, **more) -> int:
    """Stores a message without the send queue. Returns its id.

    The send queue stores messages in another Python thread, which would not see the uncommitted rows of the test.
    """
    [sent] = send_many([SendCommand(user.pk, SendPayload(conversation_id, uuid.uuid4(), body, **more))])
    if not isinstance(sent, SentMessage):
        raise sent
    return sent.message.id


@pytest.fixture
def moderator(make_user):
    """Creates a staff user who is in the user group of moderators, and in no conversation.

    The user has only the permissions of this user group.
    """
    group, _ = Group.objects.get_or_create(name=moderator_group.GROUP_NAME)
    if not group.permissions.exists():  # tests with real commits empty the tables that `migrate` filled
        from django.apps import apps

        for app in ("accounts", "chat"):
            moderator_group.create_moderator_group(apps.get_app_config(app), "default", apps)
    user = make_user("molly", is_staff=True)
    user.groups.add(group)
    return user


@pytest.fixture
def superuser(make_user):
    return make_user("root-of-all", is_staff=True, is_superuser=True)


@pytest.fixture
def staff(make_user):
    """Creates a staff user who may open the admin but has no permissions there."""
    return make_user("sam", is_staff=True)


def _label(model: str) -> str:
    return f"{'accounts' if model == 'notice' else 'chat'}_{model}"


class AdminSession:
    """A test client for the admin pages, which is signed in as `user`, or not signed in if `user` is None."""

    def __init__(self, user):
        self.user, self.client = user, Client()
        if user is not None:
            self.client.force_login(user)

    def get(self, name: str, *args, **query):
        return self.client.get(reverse(f"admin:{name}", args=args), query)

    def url(self, name: str) -> str:
        return reverse(f"admin:{name}")

    def list(self, model: str, **query):
        return self.get(f"{_label(model)}_changelist", **query)

    def rows(self, model: str, **query) -> list:
        response = self.list(model, **query)
        assert response.status_code == 200, response
        return list(response.context["cl"].result_list)

    def page(self, model: str, pk: int):
        return self.get(f"{_label(model)}_change", pk)

    def run_action(self, model: str, action: str, *pks: int, **answers: str):
        """Runs an admin action on the rows with the primary keys `pks`, as if a user had selected them in the list.

        Answers the question that some actions ask first with yes.
        """
        url = reverse(f"admin:{_label(model)}_changelist")
        return self._post(url, {"action": action, "_selected_action": pks, "index": 0} | answers)

    def press_button(self, model: str, action: str, pk: int, **answers: str):
        """Runs an admin action on one row, as if a user had pressed the button for it on the admin page of the row.

        Answers the question that some actions ask first with yes.
        """
        return self._post(reverse(f"admin:{_label(model)}_act", args=[pk]), {"act": action} | answers)

    def _post(self, url: str, data: dict):
        response = self.client.post(url, data, follow=True)
        if "question" in (response.context or {}):
            response = self.client.post(url, data | {"confirmed": "yes"}, follow=True)
        return response


@pytest.fixture
def admin_session():
    return AdminSession


def get_permission(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)
