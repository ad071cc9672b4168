"""Exports as ZIP files, which background tasks write.

- `actions` and `personal_builder`: the data export of a user
- `conversation_actions` and `conversation_builder`: the export of a conversation
- `files` and `archive`: what both have in common: files and their states, and the contents of the ZIP files
"""
