"""Renames Archive to DataExport and Mark to ReceiptHistory.

The tables are renamed with the models. Django's contenttypes app renames the content types, to which the admin's log
entries refer; their permissions are renamed here, so that groups and users keep them. Names of indexes stay.
"""

from django.db import migrations

RENAMED_MODELS = {
    "archive": ("archive", "dataexport", "data export"),
    "mark": ("mark", "receipthistory", "receipt history"),
}
ACTIONS = ("add", "change", "delete", "view")


def _rename_permission(apps, using, old_codename, new_codename, new_name):
    permissions = apps.get_model("auth", "Permission").objects.using(using).filter(content_type__app_label="chat")
    if not permissions.filter(codename=new_codename).exists():
        permissions.filter(codename=old_codename).update(codename=new_codename, name=new_name)


def rename_permissions(apps, schema_editor):
    for old, (_old_verbose_name, new, verbose_name) in RENAMED_MODELS.items():
        for action in ACTIONS:
            name = f"Can {action} {verbose_name}"
            _rename_permission(apps, schema_editor.connection.alias, f"{action}_{old}", f"{action}_{new}", name)


def restore_permissions(apps, schema_editor):
    for old, (old_verbose_name, new, _verbose_name) in RENAMED_MODELS.items():
        for action in ACTIONS:
            name = f"Can {action} {old_verbose_name}"
            _rename_permission(apps, schema_editor.connection.alias, f"{action}_{new}", f"{action}_{old}", name)


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('chat', '0001_initial'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.RenameModel(old_name='Archive', new_name='DataExport'),
        migrations.RenameModel(old_name='Mark', new_name='ReceiptHistory'),
        migrations.RunPython(rename_permissions, restore_permissions),
    ]
