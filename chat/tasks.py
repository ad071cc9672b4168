"""Background tasks of chat, which a worker process runs.

Each task imports the functions that it calls only when it runs, because their modules import this module.
"""

from __future__ import annotations

from messenger.background import LOW_PRIORITY, is_queued, task


@task(timeout=600, max_attempts=3)
def prepare_file(file_id: int) -> None:
    """Removes the metadata of an uploaded image or video. Creates the thumbnails of an image."""
    from chat.actions import attachments

    attachments.process_file(file_id)


@task(timeout=120, max_attempts=10)
def publish_profile_change(user_id: int) -> None:
    """Publishes a user's new name or avatar in all conversations of the user.

    If another task for the same user is queued already, does nothing: that task will publish the newest name and
    avatar.
    """
    from chat.actions import profile_changes

    if not is_queued(publish_profile_change, user_id):
        profile_changes.publish_profile_change(user_id)


@task(timeout=3600, max_attempts=20, retry_delay=30)
def leave_all_conversations(user_id: int, delete_messages: bool) -> None:
    """Removes a user who has deleted the account from all groups. See chat/actions/account_deletion.py.

    If `delete_messages` is True, first deletes all messages of the user.
    """
    from chat.actions import account_deletion

    account_deletion.leave_all_conversations(user_id, delete_messages)


@task(timeout=3 * 3600, max_attempts=3, priority=LOW_PRIORITY)
def build_data_export(export_id: int) -> None:
    """Builds the file with all personal data of a user, which this user has requested. See chat/export."""
    from chat.export import actions

    actions.build_export(export_id)


@task(timeout=3 * 3600, max_attempts=3, priority=LOW_PRIORITY)
def build_conversation_export(export_id: int) -> None:
    """Builds the file with the messages and files of a conversation. See chat/export."""
    from chat.export import conversation_actions

    conversation_actions.build_export(export_id)


@task(every=3600, timeout=600)
def clean_up_data_exports() -> None:
    """Deletes expired exports (files with the personal data of a user, or with a conversation).

    Marks an export as failed if the worker process that was building it has died.
    """
    from chat.export import actions

    actions.clean_up_exports()


@task(timeout=300, max_attempts=5)
def delete_orphaned_files() -> None:
    """Deletes stored files that no attachment of a message uses any more, and their thumbnails."""
    from chat.attachments import cleanup

    cleanup.delete_orphaned_files()


@task(every=600, timeout=600)
def clean_up_files() -> None:
    """Deletes uploaded files that were never sent in a message, and expired uploads.

    Also deletes incomplete files that are left in the storage because a server process was killed while writing them.
    """
    from chat.attachments import cleanup

    cleanup.clean_up()


@task(every=24 * 3600, timeout=3600, priority=LOW_PRIORITY)
def recount_conversation_sizes() -> None:
    """Corrects the stored size of all files of conversations, on which their quota depends, where it is wrong."""
    from chat.attachments import message_files

    message_files.recount_conversation_sizes()


@task(every=300, timeout=3600, priority=LOW_PRIORITY)
def fill_search_index() -> None:
    """Adds messages to the search index that are not in it: after an upgrade, or after `manage.py rebuild_search`."""
    from chat.actions import search_index

    search_index.fill()


@task(every=3600, timeout=3600, priority=LOW_PRIORITY)
def remove_expired_messages() -> None:
    """Removes messages that are older than the site or their group keeps them. See chat/actions/retention.py."""
    from chat.actions import retention

    retention.remove_expired_messages()


@task(timeout=3600, max_attempts=10)
def discard_held_copies() -> None:
    """Deletes copies of deleted messages, and their files, after a legal hold was released."""
    from chat.actions import legal_holds

    legal_holds.discard_released_copies()


@task(timeout=60, max_attempts=10)
def flag_message(message_id: int, words: str) -> None:
    """Adds a message in which a word list has found these words to the queue of the moderators."""
    from chat.actions import reports

    reports.flag_message(message_id, words)


@task(timeout=1800, max_attempts=10)
def hide_recent_messages(moderator_id: int, user_id: int, since: str, reason: str) -> None:
    """Hides what a user has sent since a time (ISO 8601), one message in each transaction."""
    from datetime import datetime

    from chat.actions import moderation

    moderation.hide_recent_messages(moderator_id, user_id, datetime.fromisoformat(since), reason)
