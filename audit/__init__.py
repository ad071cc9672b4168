"""The audit log: what moderators, administrators and group admins have done, in a chain that shows tampering.

An action calls `audit.actions.record` inside its transaction, so the entry is stored with the change or not at all.
Entries hold the ids of users and no names, so they can stay when an account is deleted.
"""
