"""Computes the search keys of users again if letters such as `ł` are in them: `lukasz` finds `Łukasz` now."""

from django.db import migrations

from accounts.text.letters import replace_letters
from accounts.text.pinyin import user_search_keys


def compute_search_keys(apps, schema_editor):
    users = apps.get_model("accounts", "User").objects
    search_keys = apps.get_model("accounts", "SearchKey").objects
    for user in users.only("username", "name", "search_keys").iterator():
        if replace_letters(user.search_keys) == user.search_keys:
            continue
        keys = user_search_keys(user.username, user.name)
        users.filter(pk=user.pk).update(search_keys=" ".join(keys))
        search_keys.filter(user_id=user.pk).delete()
        search_keys.bulk_create([search_keys.model(user_id=user.pk, key=key) for key in keys])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_address_bans")]

    operations = [migrations.RunPython(compute_search_keys, migrations.RunPython.noop)]
