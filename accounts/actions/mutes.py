"""Actions that warn and mute users. A muted user may read, but not write, anywhere on the site.

See accounts/selectors/mutes.py for the check.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions.notices import add_notice, update_notice_count
from accounts.actions.rights import get_moderated_user
from accounts.models import Notice
from accounts.selectors.mutes import is_muted
from audit import actions as audit
from messenger.core.database import write_transaction
from messenger.core.errors import invalid, not_found


def warn_user(user_id: int, moderator_id: int, reason: str) -> Notice:
    """Warns a user. The warning is shown on every page until the user confirms to have read it."""
    if not reason:
        raise invalid(reason=_("Give a reason: the person sees it."))
    with write_transaction():
        user = get_moderated_user(user_id, moderator_id)
        audit.record("user.warn", moderator_id, user, reason=reason)
        return add_notice(user_id, Notice.Kind.WARNING, moderator_id=moderator_id, text=reason)


def withdraw_warning(notice_id: int, moderator_id: int, reason: str = "") -> None:
    """Takes a warning back: it is not shown any more, and the history of the person says that it was withdrawn."""
    with write_transaction():
        notice = Notice.objects.select_for_update(no_key=True).filter(pk=notice_id, kind=Notice.Kind.WARNING).first()
        if notice is None:
            raise not_found()
        user = get_moderated_user(notice.user_id, moderator_id)
        if notice.withdrawn_at is None:
            notice.withdrawn_at = timezone.now()
            notice.save(update_fields=["withdrawn_at"])
            audit.record("warning.withdraw", moderator_id, user, reason=reason)
            update_notice_count(user.pk)


def mute_user(user_id: int, moderator_id: int, duration: timedelta | None, reason: str = "") -> None:
    """Mutes a user for a time: the user may read, but not write. A new mute replaces the end of the present one."""
    if not duration:
        raise invalid(days=_("Choose for how long. To exclude somebody for good, suspend the account."))
    with write_transaction():
        user = get_moderated_user(user_id, moderator_id)
        before = {"until": user.muted_until.isoformat()} if user.muted_until and is_muted(user.muted_until) else {}
        user.muted_until = timezone.now() + duration
        user.save(update_fields=["muted_until"])
        after = {"until": user.muted_until.isoformat()}
        audit.record("user.mute", moderator_id, user, before=before, after=after, reason=reason)
        add_notice(user_id, Notice.Kind.MUTED, moderator_id=moderator_id, text=reason, until=user.muted_until)


def unmute_user(user_id: int, moderator_id: int, reason: str = "") -> None:
    """Ends a mute before its time. Does nothing if the user is not muted."""
    with write_transaction():
        user = get_moderated_user(user_id, moderator_id)
        if not user.muted_until or not is_muted(user.muted_until):
            return
        before = {"until": user.muted_until.isoformat()}
        user.muted_until = None
        user.save(update_fields=["muted_until"])
        audit.record("user.unmute", moderator_id, user, before=before, reason=reason)
        add_notice(user_id, Notice.Kind.UNMUTED, moderator_id=moderator_id, text=reason)
