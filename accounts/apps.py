"""What frameworks tell us by signal: somebody signed in or out, or has a new password."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("accounts")

    def ready(self) -> None:
        from allauth.account import signals as allauth_signals
        from allauth.mfa import signals as mfa_signals
        from allauth.socialaccount.signals import social_account_removed
        from django.contrib.auth.signals import user_logged_in, user_logged_out
        from django.db.models.signals import post_migrate

        from accounts import moderator_group
        from accounts.auth import sign_ins

        def signed_in(request, user, **_kwargs):
            sign_ins.begin_browser(request, user)

        def signed_out(request, user, **_kwargs):
            sign_ins.end_browser(request, user)

        def password_changed(request, user, **_kwargs):
            sign_ins.password_changed(request, user)

        def way_in_removed(request, user, **_kwargs):
            sign_ins.way_in_removed(request, user)

        def provider_removed(request, socialaccount, **_kwargs):
            sign_ins.way_in_removed(request, socialaccount.user)

        mfa_signals.authenticator_removed.connect(way_in_removed, weak=False, dispatch_uid="accounts")
        social_account_removed.connect(provider_removed, weak=False, dispatch_uid="accounts")
        user_logged_in.connect(signed_in, weak=False, dispatch_uid="accounts")
        user_logged_out.connect(signed_out, weak=False, dispatch_uid="accounts")
        for signal in (
            allauth_signals.password_changed,
            allauth_signals.password_set,
            allauth_signals.password_reset,
        ):
            signal.connect(password_changed, weak=False, dispatch_uid="accounts")
        post_migrate.connect(moderator_group.grant, weak=False, dispatch_uid="accounts.moderator_group")
