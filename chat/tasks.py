"""What conversations leave to the worker."""

from __future__ import annotations

from messenger.background import LATER, job


@job(seconds=600, tries=3)
def prepare_file(file_id: int) -> None:
    """What came and may say where it was taken: pictures are drawn anew, and smaller; films lose what they say."""
    from chat.attachments import processing

    processing.prepare(file_id)


@job(seconds=3600, tries=20, wait=30)
def leave_everything(user_id: int, take_back: bool) -> None:
    """Somebody has deleted their account. See chat/actions/account_deletion.py."""
    from chat.actions import account_deletion

    account_deletion.leave_everything(user_id, take_back)


@job(seconds=3 * 3600, tries=3, priority=LATER)
def build_archive(archive_id: int) -> None:
    """What somebody wants to download of their own. See chat/archives."""
    from chat.export import actions

    actions.build(archive_id)


@job(every=3600, seconds=600)
def sweep_archives() -> None:
    from chat.export import actions

    actions.sweep()


@job(seconds=300, tries=5)
def bury_files() -> None:
    """Files that no message shows any more, thumbnails too."""
    from chat.attachments import cleanup

    cleanup.bury()


@job(every=600, seconds=600)
def sweep_files() -> None:
    """What was never sent, what was never finished, what a killed server left behind."""
    from chat.attachments import cleanup

    cleanup.sweep()
