"""Everything that can be done with an account. Views, the API and the admin call these actions and nothing below.

All raise `messenger.core.errors.ApplicationError` when they do not act.
"""

from accounts.actions.profile import (
    changed_by_administrator,
    is_taken,
    me_updated,
    must_confirm_email,
    remove_avatar,
    restore,
    set_avatar,
    sign_in,
    sign_up,
    suspend,
    update_profile,
)

__all__ = [
    "changed_by_administrator",
    "is_taken",
    "me_updated",
    "must_confirm_email",
    "remove_avatar",
    "restore",
    "set_avatar",
    "sign_in",
    "sign_up",
    "suspend",
    "update_profile",
]
