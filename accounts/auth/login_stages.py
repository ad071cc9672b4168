"""What stands between a right password and being signed in, where it is not as allauth has it."""

from __future__ import annotations

from typing import cast

from allauth.account import stages

from accounts.actions import must_confirm_email
from accounts.models import User


class EmailVerificationStage(stages.EmailVerificationStage):
    """Where addresses must be confirmed, whoever has none has nothing to confirm: those who came by WeChat, say."""

    def handle(self):
        user = cast(User | None, self.login.user)
        if user is not None and not self.login.signup and not must_confirm_email(user):
            return None, True
        return super().handle()
