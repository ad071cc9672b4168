"""Actions on groups: settings, members, invite links and the avatar.

The table of who may do what is in docs/protocol.md.
"""
