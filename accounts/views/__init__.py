"""Pages of one's own account; allauth has its own for signing in and for e-mail addresses."""

from accounts.views.account import (
    SignIn,
    SignUp,
    account_deleted,
    avatar,
    end_other_sessions,
    end_session,
    join,
    profile,
    sessions,
    set_language,
)
from accounts.views.privacy import privacy

__all__ = [
    "SignIn",
    "SignUp",
    "account_deleted",
    "avatar",
    "end_other_sessions",
    "end_session",
    "join",
    "privacy",
    "profile",
    "sessions",
    "set_language",
]
