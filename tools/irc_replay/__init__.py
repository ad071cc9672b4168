"""Replays a recorded IRC channel through the public interfaces of a running server: `python -m tools.irc_replay FILE…`.

It is an outside client: it uses the public protocol and the address of a site, imports no code of the server, and
compares only what it can read back.
"""
