"""Makes PostgreSQL add new search terms to the index at once.

By default, new terms of a GIN index wait in a list, which each look-up reads from its beginning.
"""

from django.db import migrations


def set_fast_update(value):
    def change(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"ALTER INDEX chat_searchentry_terms SET (fastupdate = {value})")
            if value == "off":  # terms that wait already
                schema_editor.execute("SELECT gin_clean_pending_list('chat_searchentry_terms'::regclass)")

    return change


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]

    operations = [migrations.RunPython(set_fast_update("off"), set_fast_update("on"))]
