"""What conversations leave to the worker."""

from __future__ import annotations

from messenger.work import job


@job(seconds=120, tries=3)
def draw_picture(file_id: int) -> None:
    """A picture that came: drawn anew without its metadata, and smaller. See chat/files/pictures.py."""
    from chat.files import pictures

    pictures.redraw(file_id)


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
