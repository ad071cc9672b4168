import uuid

from django.db import migrations, models


def begin(apps, schema_editor):
    apps.get_model("chat", "DatabaseEpoch").objects.create()


class Migration(migrations.Migration):
    dependencies = [("chat", "0002_search_blocks")]

    operations = [
        migrations.CreateModel(
            name="DatabaseEpoch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.UUIDField(default=uuid.uuid4, unique=True)),
                ("began_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
