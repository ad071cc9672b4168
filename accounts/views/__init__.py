"""Views of account pages. allauth serves the other pages for signing in, e-mail addresses and second factors."""

from accounts.views.avatars import avatar
from accounts.views.devices import end_other_sessions, end_session, sessions
from accounts.views.email_addresses import ConfirmEmailView, EmailAddressesView
from accounts.views.notices import acknowledge_notice, notices
from accounts.views.privacy import privacy
from accounts.views.profile import account_deleted, profile, set_language
from accounts.views.recovery_codes import DownloadRecoveryCodesView, GenerateRecoveryCodesView, RecoveryCodesView
from accounts.views.sign_in import SignInView, SignUpView, accept_signup_link
from accounts.views.suspended import suspended

__all__ = [
    "ConfirmEmailView",
    "DownloadRecoveryCodesView",
    "EmailAddressesView",
    "GenerateRecoveryCodesView",
    "RecoveryCodesView",
    "SignInView",
    "SignUpView",
    "accept_signup_link",
    "account_deleted",
    "acknowledge_notice",
    "avatar",
    "end_other_sessions",
    "end_session",
    "notices",
    "privacy",
    "profile",
    "sessions",
    "set_language",
    "suspended",
]
