"""Creates the search index. Messages that exist already are indexed by the worker (chat.tasks.fill_search_index)."""

from django.db import migrations, models


def create_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE TABLE chat_searchentry (rowid bigint PRIMARY KEY, terms tsvector NOT NULL)")
        # Without `fastupdate = off`, new terms wait in a list that each look-up of a conversation reads from its beginning.
        schema_editor.execute(
            "CREATE INDEX chat_searchentry_terms ON chat_searchentry USING gin (terms) WITH (fastupdate = off)"
        )
    else:
        # The tokenizer `ascii` splits only at ASCII characters other than letters and digits, so each term is one token.
        schema_editor.execute(
            "CREATE VIRTUAL TABLE chat_searchentry USING fts5(terms, detail=none, columnsize=0, tokenize=ascii)"
        )


def drop_index(apps, schema_editor):
    schema_editor.execute("DROP TABLE chat_searchentry")


def mark_old_messages(apps, schema_editor):
    messages = apps.get_model("chat", "Message").objects
    newest = messages.order_by("-pk").values_list("pk", flat=True).first()
    if newest:
        apps.get_model("chat", "SearchBackfill").objects.create(next_id=newest + 1, total=newest)


class Migration(migrations.Migration):
    dependencies = [("chat", "0005_normalize_reactions")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="SearchEntry",
                    fields=[
                        ("message_id", models.BigIntegerField(db_column="rowid", primary_key=True, serialize=False)),
                        ("terms", models.TextField()),
                    ],
                ),
            ],
            database_operations=[migrations.RunPython(create_index, drop_index)],
        ),
        migrations.CreateModel(
            name="SearchBackfill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("next_id", models.BigIntegerField(default=0)),
                ("total", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.RunPython(mark_old_messages, migrations.RunPython.noop),
    ]
