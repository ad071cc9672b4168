"""Moderators, and a way into the admin."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from accounts import moderator_group
from chat.actions.sending import Send, Sent, send_many


def say(user, conversation_id: int, body: str, **more) -> int:
    """Sent in this thread, inside the test's transaction; the number of the message."""
    [sent] = send_many([Send(user.pk, conversation_id, uuid.uuid4(), body, **more)])
    if not isinstance(sent, Sent):
        raise sent
    return sent.message.id


@pytest.fixture
def moderator(person):
    """Staff in the group that `migrate` makes, and nothing more. Not a member of anything."""
    group, _ = Group.objects.get_or_create(name=moderator_group.NAME)
    if not group.permissions.exists():  # a test with real commits empties the tables that `migrate` filled
        from django.apps import apps

        for app in ("accounts", "chat"):
            moderator_group.grant(apps.get_app_config(app), "default", apps)
    user = person("molly", is_staff=True)
    user.groups.add(group)
    return user


@pytest.fixture
def superuser(person):
    return person("root-of-all", is_staff=True, is_superuser=True)


@pytest.fixture
def staff(person):
    """Staff without any permission."""
    return person("sam", is_staff=True)


class Desk:
    """Somebody in front of the admin."""

    def __init__(self, user):
        self.user, self.client = user, Client()
        if user is not None:
            self.client.force_login(user)

    def get(self, name: str, *args, **query):
        return self.client.get(reverse(f"admin:{name}", args=args), query)

    def list(self, model: str, **query):
        return self.get(f"chat_{model}_changelist", **query)

    def rows(self, model: str, **query) -> list:
        answer = self.list(model, **query)
        assert answer.status_code == 200, answer
        return list(answer.context["cl"].result_list)

    def page(self, model: str, pk: int):
        return self.get(f"chat_{model}_change", pk)

    def act(self, model: str, act: str, *pks: int):
        """An action, on rows chosen in the list."""
        url = reverse(f"admin:chat_{model}_changelist")
        return self.client.post(url, {"action": act, "_selected_action": pks, "index": 0}, follow=True)

    def press(self, model: str, act: str, pk: int):
        """The button of a row's page."""
        return self.client.post(reverse(f"admin:chat_{model}_act", args=[pk]), {"act": act}, follow=True)


@pytest.fixture
def desk():
    return Desk


def permission(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)
