"""Creates the group of moderators: staff who see users, conversations, messages and reports in the admin.

`manage.py migrate` creates the group and gives it the permissions in `settings.MODERATOR_PERMISSIONS`. To make a user a
moderator, an administrator sets "staff" and the group in the admin.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.conf import settings
from django.contrib.auth.management import create_permissions

GROUP_NAME = "Moderators"


def create_moderator_group(app_config: AppConfig, using: str, apps=installed_apps, **options) -> None:
    """Creates the group of moderators and gives it those of settings.MODERATOR_PERMISSIONS that belong to one app.

    Receiver of the signal `post_migrate`, which Django sends once for each app. `apps` has a default value, because the
    command `flush` sends the signal without this argument.
    """
    prefix = f"{app_config.label}."
    codenames = [name.removeprefix(prefix) for name in settings.MODERATOR_PERMISSIONS if name.startswith(prefix)]
    if not codenames:
        return
    create_permissions(app_config, verbosity=0, using=using, apps=apps)
    group, _created = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=GROUP_NAME)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    group.permissions.add(*permissions.filter(content_type__app_label=app_config.label, codename__in=codenames))
