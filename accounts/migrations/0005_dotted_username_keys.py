"""Computes the keys of user names with a dot above i or j again, because `ALİCE` now looks like `alice`.

A user whose new key belongs to another user keeps the old key: that user can sign in by e-mail, not by user name.
"""

from django.db import migrations
from django.db.models import Q

from accounts.usernames.rules import skeleton, uppercase_skeleton

DOT_ABOVE = '\u0307'


def compute_keys_again(apps, schema_editor):
    users = apps.get_model('accounts', 'User').objects.using(schema_editor.connection.alias)
    dotted = Q(username_key__contains=DOT_ABOVE) | Q(username_capitals__contains=DOT_ABOVE)
    for user in users.filter(dotted).order_by('pk'):
        key, capitals = skeleton(user.username), uppercase_skeleton(user.username)
        if not users.filter(Q(username_key=key) | Q(username_capitals=capitals)).exclude(pk=user.pk).exists():
            users.filter(pk=user.pk).update(username_key=key, username_capitals=capitals)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_browser_time_zone'),
    ]

    operations = [
        migrations.RunPython(compute_keys_again, migrations.RunPython.noop, elidable=True),
    ]
