"""Background tasks of scheduled messages and reminders. They import the functions that they call."""

from __future__ import annotations

from messenger.background import HIGH_PRIORITY, LOW_PRIORITY, task


@task(timeout=60, max_attempts=8, retry_delay=2, priority=HIGH_PRIORITY)
def send_scheduled_messages() -> None:
    """Sends the scheduled messages that are due."""
    from scheduling import delivery

    delivery.send_due_messages()


@task(every=60, timeout=60)
def send_delayed_messages() -> None:
    """Sends scheduled messages whose own task was lost, or that were refused for a while by a rate limit."""
    from scheduling import delivery

    delivery.send_due_messages()


@task(every=3600, timeout=600, priority=LOW_PRIORITY)
def delete_data_of_deleted_accounts() -> None:
    from scheduling import cleanup

    cleanup.delete_data_of_deleted_accounts()


@task(timeout=60, max_attempts=8, retry_delay=2, priority=HIGH_PRIORITY)
def notify_of_reminders() -> None:
    """Notifies users of the reminders whose time has come."""
    from scheduling import reminders

    reminders.notify_due()


@task(every=60, timeout=60)
def notify_of_delayed_reminders() -> None:
    """Notifies users of reminders whose own task was lost."""
    from scheduling import reminders

    reminders.notify_due()
