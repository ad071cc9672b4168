"""Configures the app `accounts`, and connects signals to functions that start and end sign-ins.

The signals are: sign-in, sign-out, a new password, and the removal of a second factor or a provider such as Google.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from allauth.account import signals as allauth_signals
        from allauth.mfa import signals as mfa_signals
        from allauth.socialaccount.signals import social_account_removed
        from django.contrib.auth.signals import user_logged_in, user_logged_out
        from django.db.models.signals import post_migrate

        from accounts import actions
        from accounts.auth import moderator_group, sign_ins
        from accounts.selectors.languages import browser_language
        from accounts.selectors.timezones import browser_time_zone

        def handle_login(request, user, **_kwargs):
            sign_ins.start_browser_sign_in(request, user)
            actions.remember_browser(user, browser_language(request), browser_time_zone(request.COOKIES))

        def handle_logout(request, user, **_kwargs):
            sign_ins.end_browser_sign_in(request, user)
            if user:
                request.signed_out_user_id = user.pk  # for UserSettingsMiddleware

        def handle_password_change(request, user, **_kwargs):
            sign_ins.end_after_password_change(request, user)

        def handle_authenticator_removed(request, user, **_kwargs):
            sign_ins.end_after_method_removed(request, user)

        def handle_provider_removed(request, socialaccount, **_kwargs):
            sign_ins.end_after_method_removed(request, socialaccount.user)

        mfa_signals.authenticator_removed.connect(handle_authenticator_removed, weak=False, dispatch_uid="accounts")
        social_account_removed.connect(handle_provider_removed, weak=False, dispatch_uid="accounts")
        user_logged_in.connect(handle_login, weak=False, dispatch_uid="accounts")
        user_logged_out.connect(handle_logout, weak=False, dispatch_uid="accounts")
        for signal in (
            allauth_signals.password_changed,
            allauth_signals.password_set,
            allauth_signals.password_reset,
        ):
            signal.connect(handle_password_change, weak=False, dispatch_uid="accounts")
        post_migrate.connect(
            moderator_group.create_moderator_group, weak=False, dispatch_uid="accounts.auth.moderator_group"
        )
