"""Demo data for an empty database: `manage.py demo`.

The texts are in people.txt and conversations/*.txt. `parser` reads them; `seed` creates the data through the same
actions as views, API and socket.
"""
