"""Actions: functions that change accounts. Views, the API, the admin and other apps call an action for every change.

An action checks permissions and values, changes rows in one transaction and publishes events about the changes. If an
action cannot do its work, it raises `messenger.core.errors.ApplicationError` and changes nothing.
"""

from accounts.actions.contacts import (
    add_contact,
    block_user,
    contact_updated_event,
    decline_request,
    ignore_request,
    remove_contact,
    remove_contact_or_request,
    unblock_user,
)
from accounts.actions.deletion import deleted_account_label, erase_account, require_another_administrator
from accounts.actions.moderation import (
    APPEAL_LIMIT,
    appeal,
    end_expired_suspensions,
    find_suspension,
    reject_appeal,
    restore_user,
    suspend_user,
)
from accounts.actions.profile import (
    dismiss_hints,
    me_updated_event,
    publish_admin_change,
    record_last_seen,
    remember_browser,
    remove_avatar,
    set_avatar,
    update_profile,
)
from accounts.actions.signing_in import must_confirm_email, sign_in
from accounts.actions.signing_up import sign_up
from accounts.actions.user_version import allocate_me_versions

__all__ = [
    "APPEAL_LIMIT",
    "add_contact",
    "allocate_me_versions",
    "appeal",
    "block_user",
    "contact_updated_event",
    "decline_request",
    "deleted_account_label",
    "dismiss_hints",
    "end_expired_suspensions",
    "erase_account",
    "find_suspension",
    "ignore_request",
    "me_updated_event",
    "must_confirm_email",
    "publish_admin_change",
    "record_last_seen",
    "reject_appeal",
    "remember_browser",
    "remove_avatar",
    "remove_contact",
    "remove_contact_or_request",
    "require_another_administrator",
    "restore_user",
    "set_avatar",
    "sign_in",
    "sign_up",
    "suspend_user",
    "unblock_user",
    "update_profile",
]
