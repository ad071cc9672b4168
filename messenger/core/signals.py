"""Signals of Django's kind that concern the whole site."""

from django.dispatch import Signal

# Sent after the database of the site has been replaced by a backup, when it has been migrated. What clients and
# processes remember may be newer than the database. Receivers that fail make the restore fail.
database_restored = Signal()
