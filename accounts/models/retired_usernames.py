"""User names of deleted accounts."""

from __future__ import annotations

from django.db import models
from django.utils.crypto import salted_hmac

from accounts.usernames.rules import skeleton, uppercase_skeleton


class RetiredUsernameManager(models.Manager["RetiredUsername"]):
    def retire(self, name: str) -> None:
        self.bulk_create([RetiredUsername(digest=digest) for digest in _digests(name)], ignore_conflicts=True)

    def is_retired(self, name: str) -> bool:
        """Returns whether this name, or one that looks like it, belonged to a deleted account."""
        return self.filter(digest__in=_digests(name)).exists()


class RetiredUsername(models.Model):
    """A name that cannot be used again, because its new owner could be mistaken for the deleted account.

    Only digests of its two skeletons are stored, not the name itself: it is personal data of a deleted account.
    """

    digest = models.CharField(max_length=64, primary_key=True)

    objects = RetiredUsernameManager()

    def __str__(self) -> str:
        return self.digest


def _digests(name: str) -> list[str]:
    # The salt and the prefixes are part of stored data.
    skeletons = {f"small.{skeleton(name)}", f"large.{uppercase_skeleton(name)}"}
    return [salted_hmac("accounts.spent", key, algorithm="sha256").hexdigest() for key in sorted(skeletons)]
