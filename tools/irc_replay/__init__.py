"""Plays a day of a recorded channel through the public doors of a running server: `manage.py replay_irc`.

Everything in here is an outside client. It knows the protocol and a site's address, imports nothing of the server, and
believes only what it can read back.
"""
