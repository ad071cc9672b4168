"""Background tasks of chat.

Each task imports its functions when it runs, because the modules of these functions import this one.
"""

from __future__ import annotations

from messenger.background import LOW_PRIORITY, is_queued, task


@task(timeout=600, max_attempts=3)
def prepare_file(file_id: int) -> None:
    """Removes metadata from an image or a video. Creates the thumbnails of an image."""
    from chat.actions import attachments

    attachments.process_file(file_id)


@task(timeout=120, max_attempts=10)
def publish_profile_change(user_id: int) -> None:
    """Publishes a user's new name or avatar in all conversations of the user.

    If the same is queued once more, this does nothing: the later task publishes the newest state.
    """
    from chat.actions import groups

    if not is_queued(publish_profile_change, user_id):
        groups.publish_profile_change(user_id)


@task(timeout=3600, max_attempts=20, retry_delay=30)
def leave_all_conversations(user_id: int, delete_messages: bool) -> None:
    """Removes a deleted user from all conversations (see chat/actions/account_deletion.py)."""
    from chat.actions import account_deletion

    account_deletion.leave_all_conversations(user_id, delete_messages)


@task(timeout=3 * 3600, max_attempts=3, priority=LOW_PRIORITY)
def build_data_export(export_id: int) -> None:
    """Builds the data export of a user (see chat/export)."""
    from chat.export import actions

    actions.build_export(export_id)


@task(every=3600, timeout=600)
def clean_up_data_exports() -> None:
    """Deletes expired data exports. Marks exports as failed if their worker has died."""
    from chat.export import actions

    actions.clean_up_exports()


@task(timeout=300, max_attempts=5)
def delete_orphaned_files() -> None:
    """Deletes files that no attachment uses any more, and their thumbnails."""
    from chat.attachments import cleanup

    cleanup.delete_orphaned_files()


@task(every=600, timeout=600)
def clean_up_files() -> None:
    """Deletes files that were never sent, expired uploads, and incomplete files that a killed server left in the
    storage.
    """
    from chat.attachments import cleanup

    cleanup.clean_up()
