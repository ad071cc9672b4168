"""What conversations leave to the worker."""

from __future__ import annotations

from messenger.background import LATER, job


@job(seconds=600, tries=3)
def prepare_file(file_id: int) -> None:
    """What came and may say where it was taken: pictures are drawn anew, and smaller; films lose what they say."""
    from chat.files import ready

    ready.prepare(file_id)


@job(seconds=3600, tries=20, wait=30)
def leave_everything(user_id: int, take_back: bool) -> None:
    """Somebody has deleted their account. See chat/farewell.py."""
    from chat import farewell

    farewell.leave_everything(user_id, take_back)


@job(seconds=3 * 3600, tries=3, priority=LATER)
def build_archive(archive_id: int) -> None:
    """What somebody wants to download of their own. See chat/archives."""
    from chat.archives import verbs

    verbs.build(archive_id)


@job(every=3600, seconds=600)
def sweep_archives() -> None:
    from chat.archives import verbs

    verbs.sweep()


@job(seconds=300, tries=5)
def bury_files() -> None:
    """Files that no message shows any more, thumbnails too."""
    from chat.files import care

    care.bury()


@job(every=600, seconds=600)
def sweep_files() -> None:
    """What was never sent, what was never finished, what a killed server left behind."""
    from chat.files import care

    care.sweep()
