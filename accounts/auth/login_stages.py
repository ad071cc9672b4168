"""allauth login stages: steps after the password was checked and before the user is signed in."""

from __future__ import annotations

from typing import cast

from allauth.account import stages

from accounts.actions import must_confirm_email
from accounts.models import User


class EmailVerificationStage(stages.EmailVerificationStage):
    """Stops the sign-in until the user has confirmed an e-mail address, like allauth's own stage.

    Users without any e-mail address, for example after signing up with WeChat, skip this stage.
    """

    def handle(self):
        user = cast(User | None, self.login.user)
        if user is not None and not self.login.signup and not must_confirm_email(user):
            return None, True
        return super().handle()
