"""Makes the worker index all messages again, because folding for search has changed (see chat/search/folding.py).

`lodz` finds `Łódź`, and `boldword` finds `**bold**word`. Until a message is indexed again, words with such letters in it
are not found. `manage.py check --database default` says what is left.
"""

from django.db import migrations


def index_again(apps, schema_editor):
    newest = apps.get_model("chat", "Message").objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest:
        progress = apps.get_model("chat", "SearchBackfill").objects
        progress.all().delete()
        progress.create(next_id=newest + 1, total=newest)


class Migration(migrations.Migration):
    dependencies = [("chat", "0012_retention")]

    operations = [migrations.RunPython(index_again, migrations.RunPython.noop)]
