"""Actions on groups: settings, members, invite links, requests to join and the avatar.

The table of who may do what is in docs/protocol.md.
"""
