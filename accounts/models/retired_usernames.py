"""Model of user names that nobody else may use: of deleted accounts for ever, changed ones for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.usernames.rules import skeleton, uppercase_skeleton

REST = timedelta(days=30)  # from the change of a name until somebody else may use it


class RetiredUsernameManager(models.Manager["RetiredUsername"]):
    def retire(self, name: str) -> None:
        """Retires the name of a deleted account for ever."""
        self._store(name, until=None, user_id=None)

    def release(self, name: str, user_id: int) -> None:
        """Retires for a while a name that this user gives up. Only this user may use it again before."""
        self._store(name, until=timezone.now() + REST, user_id=user_id)

    def _store(self, name: str, **values: Any) -> None:
        self.bulk_create(
            [RetiredUsername(digest=digest, **values) for digest in _digests(name)],
            update_conflicts=True,
            unique_fields=["digest"],
            update_fields=["until", "user"],
        )

    def is_retired(self, name: str, user_id: int | None = None) -> bool:
        """Returns whether this name, or a name that looks like it, is retired. A user may use his or her old name."""
        rows = self.filter(Q(until=None) | Q(until__gt=timezone.now()), digest__in=_digests(name))
        return rows.filter(Q(user=None) | ~Q(user=user_id)).exists()

    def delete_expired(self) -> None:
        self.filter(until__lt=timezone.now()).delete()


class RetiredUsername(models.Model):
    """The user name of a deleted account, or a user name that was changed, as a digest.

    A new owner of the name could be mistaken for the old one. So nobody may use the name of a deleted account again,
    and a changed name only after a while, or by the user `user` who had it.
    A name has two rows: digests of how it looks in lowercase and in uppercase (its skeletons). The name itself is not
    stored, because it is personal data.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    until = models.DateTimeField(null=True)  # null: for ever
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")

    objects = RetiredUsernameManager()

    def __str__(self) -> str:
        return self.digest


def _digests(name: str) -> list[str]:
    # The salt and the prefixes are part of stored data.
    skeletons = {f"small.{skeleton(name)}", f"large.{uppercase_skeleton(name)}"}
    return [salted_hmac("accounts.spent", key, algorithm="sha256").hexdigest() for key in sorted(skeletons)]
