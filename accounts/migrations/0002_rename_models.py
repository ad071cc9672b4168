"""Renames Tie to Relationship and SpentName to RetiredUsername.

The tables are renamed with the models. Django's contenttypes app renames the content types; their permissions are
renamed here, so that groups and users keep them. Names of indexes and constraints stay.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

RENAMED_MODELS = {"tie": ("relationship", "tie"), "spentname": ("retiredusername", "retired username")}
OLD_VERBOSE_NAMES = {"tie": "tie", "spentname": "spent name"}
ACTIONS = ("add", "change", "delete", "view")


def _rename_permission(apps, using, old_codename, new_codename, new_name):
    permissions = apps.get_model("auth", "Permission").objects.using(using).filter(content_type__app_label="accounts")
    if not permissions.filter(codename=new_codename).exists():
        permissions.filter(codename=old_codename).update(codename=new_codename, name=new_name)


def rename_permissions(apps, schema_editor):
    for old, (new, verbose_name) in RENAMED_MODELS.items():
        for action in ACTIONS:
            name = f"Can {action} {verbose_name}"
            _rename_permission(apps, schema_editor.connection.alias, f"{action}_{old}", f"{action}_{new}", name)


def restore_permissions(apps, schema_editor):
    for old, (new, _verbose_name) in RENAMED_MODELS.items():
        for action in ACTIONS:
            name = f"Can {action} {OLD_VERBOSE_NAMES[old]}"
            _rename_permission(apps, schema_editor.connection.alias, f"{action}_{new}", f"{action}_{old}", name)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.RenameModel(old_name='Tie', new_name='Relationship'),
        migrations.RenameModel(old_name='SpentName', new_name='RetiredUsername'),
        migrations.AlterField(
            model_name='relationship',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='relationships', to=settings.AUTH_USER_MODEL),
        ),
        migrations.RunPython(rename_permissions, restore_permissions),
    ]
