"""Prepares the search index on PostgreSQL for look-ups that begin with the newest messages.

Each entry gets one more term, for the block of message ids to which it belongs: the worker indexes all messages again.
New terms are added to the index at once. By default they wait in a list, which each look-up reads from its beginning.
"""

from django.db import migrations


def set_fast_update(value):
    def change(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"ALTER INDEX chat_searchentry_terms SET (fastupdate = {value})")

    return change


def index_again(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    newest = apps.get_model("chat", "Message").objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest:
        progress = apps.get_model("chat", "SearchBackfill").objects
        progress.all().delete()
        progress.create(next_id=newest + 1, total=newest)


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]

    operations = [
        migrations.RunPython(set_fast_update("off"), set_fast_update("on")),
        migrations.RunPython(index_again, migrations.RunPython.noop),
    ]
