"""Periodic background tasks of the audit log."""

from __future__ import annotations

from messenger.background import task


@task(every=60)
def seal_entries() -> None:
    """Seals entries whose process was killed between the commit and the sealing."""
    from audit import actions

    actions.seal()


@task(every=24 * 3600)
def publish_head() -> None:
    """Appends the newest digest to the file AUDIT_HEADS, outside of the database."""
    from audit import actions

    actions.publish_head()
