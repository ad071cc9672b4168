from django.db import migrations

from chat.text.language import normalize_emoji


def normalize_reactions(apps, schema_editor):
    """Stores each emoji in its normal form. If a user has reacted with two forms of an emoji, one of them is deleted."""
    reactions = apps.get_model("chat", "Reaction").objects.using(schema_editor.connection.alias).order_by()
    for emoji in list(reactions.values_list("emoji", flat=True).distinct()):
        normal = normalize_emoji(emoji)
        if normal == emoji:
            continue
        for message_id, user_id in list(reactions.filter(emoji=normal).values_list("message_id", "user_id")):
            reactions.filter(message_id=message_id, user_id=user_id, emoji=emoji).delete()
        reactions.filter(emoji=emoji).update(emoji=normal)


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0004_membership_added_by"),
    ]

    operations = [
        migrations.RunPython(normalize_reactions, migrations.RunPython.noop),
    ]
