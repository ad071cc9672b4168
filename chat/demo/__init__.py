"""Creates demo data in an empty database (`manage.py demo`).

The texts are in people.txt and conversations/*.txt. The module `parser` reads them. The module `seed` creates the users
and messages by calling the same functions of chat.actions as views and API.
"""
