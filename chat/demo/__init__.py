"""Creates demo data in an empty database (`manage.py demo`).

The texts are in people.txt and conversations/*.txt. `parser` reads them. `seed` creates the data with the same actions
that views, API and socket call.
"""
