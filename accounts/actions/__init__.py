"""Actions: functions that change accounts. Views, the API, the admin and other apps call an action for every change.

An action checks permissions and values, changes rows in one transaction and publishes events about the changes. If an
action cannot do its work, it raises `messenger.core.errors.ApplicationError` and changes nothing.
"""

from accounts.actions.address_bans import ban_address, lift_ban, parse_network
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
from accounts.actions.flooding import record_refused_sends
from accounts.actions.moderation import (
    APPEAL_LIMIT,
    appeal,
    end_expired_suspensions,
    find_suspension,
    reject_appeal,
    restore_user,
    suspend_user,
)
from accounts.actions.mutes import mute_user, unmute_user, warn_user, withdraw_warning
from accounts.actions.notices import acknowledge_notice, add_notice, list_unread_notices
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
from accounts.actions.rights import end_row, get_moderated_user, require_permission
from accounts.actions.second_factors import remove_second_factors
from accounts.actions.signing_in import must_confirm_email, sign_in
from accounts.actions.signing_up import sign_up
from accounts.actions.user_version import allocate_me_versions

__all__ = [
    "APPEAL_LIMIT",
    "acknowledge_notice",
    "add_contact",
    "add_notice",
    "allocate_me_versions",
    "appeal",
    "ban_address",
    "block_user",
    "contact_updated_event",
    "decline_request",
    "deleted_account_label",
    "dismiss_hints",
    "end_expired_suspensions",
    "end_row",
    "erase_account",
    "find_suspension",
    "get_moderated_user",
    "ignore_request",
    "lift_ban",
    "list_unread_notices",
    "me_updated_event",
    "must_confirm_email",
    "mute_user",
    "parse_network",
    "publish_admin_change",
    "record_last_seen",
    "record_refused_sends",
    "reject_appeal",
    "remember_browser",
    "remove_avatar",
    "remove_contact",
    "remove_contact_or_request",
    "remove_second_factors",
    "require_another_administrator",
    "require_permission",
    "restore_user",
    "set_avatar",
    "sign_in",
    "sign_up",
    "suspend_user",
    "unblock_user",
    "unmute_user",
    "update_profile",
    "warn_user",
    "withdraw_warning",
]
