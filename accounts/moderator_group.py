"""The group of moderators: staff who find people, conversations, messages and reports, and act on them.

It is made by `migrate`, and given what settings.MODERATOR_PERMISSIONS names, app by app, once Django has made those
permissions. To make somebody a moderator an administrator sets "staff" and the group, in the admin.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.apps import apps as installed
from django.conf import settings
from django.contrib.auth.management import create_permissions

NAME = "Moderators"


def grant(app_config: AppConfig, using: str, apps=installed, **options) -> None:
    """Receives `post_migrate`, for each app; after `flush` without `apps`."""
    wanted = [name.split(".")[1] for name in settings.MODERATOR_PERMISSIONS if name.startswith(f"{app_config.label}.")]
    if not wanted:
        return
    create_permissions(app_config, verbosity=0, using=using, apps=apps)
    group, _made = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=NAME)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    group.permissions.add(*permissions.filter(content_type__app_label=app_config.label, codename__in=wanted))
