"""allauth login stages: steps between the right password and the signed-in session."""

from __future__ import annotations

from typing import cast

from allauth.account import stages

from accounts.actions import must_confirm_email
from accounts.models import User


class EmailVerificationStage(stages.EmailVerificationStage):
    """allauth's stage, skipped for users without an e-mail address, for example those who signed up with WeChat."""

    def handle(self):
        user = cast(User | None, self.login.user)
        if user is not None and not self.login.signup and not must_confirm_email(user):
            return None, True
        return super().handle()
