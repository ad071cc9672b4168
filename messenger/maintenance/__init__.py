"""What operators run by hand: backup, restore, the move from SQLite to PostgreSQL, and the diagnosis of a site.

The management commands of the same names parse arguments and print; the work is done here.
"""
