"""Attachments of messages: resumable uploads (tus), storage, media processing and downloads.

Public modules, for views, API and other packages: `uploads`, `downloads`, `selectors`, `schemas`, `filenames` and
`tus.headers`. `media`, `storage`, `local_copies`, `cleanup` and `message_files` are internal: only this package,
`chat.tasks`, `chat.actions` and `chat.export` import them.
"""
