"""Model of the user names of deleted accounts, which nobody may use again."""

from __future__ import annotations

from django.db import models
from django.utils.crypto import salted_hmac

from accounts.usernames.rules import skeleton, uppercase_skeleton


class RetiredUsernameManager(models.Manager["RetiredUsername"]):
    def retire(self, name: str) -> None:
        self.bulk_create([RetiredUsername(digest=digest) for digest in _digests(name)], ignore_conflicts=True)

    def is_retired(self, name: str) -> bool:
        """Returns whether this name, or a name that looks like it, belonged to a deleted account."""
        return self.filter(digest__in=_digests(name)).exists()


class RetiredUsername(models.Model):
    """The user name of a deleted account. It is stored as digests, because the name itself is personal data.

    Nobody may use the name again, because the new owner could be mistaken for the deleted account. Each name has two
    rows: a digest of how the name looks in lowercase, and one of how it looks in uppercase.
    """

    digest = models.CharField(max_length=64, primary_key=True)

    objects = RetiredUsernameManager()

    def __str__(self) -> str:
        return self.digest


def _digests(name: str) -> list[str]:
    # The salt and the prefixes are part of stored data.
    skeletons = {f"small.{skeleton(name)}", f"large.{uppercase_skeleton(name)}"}
    return [salted_hmac("accounts.spent", key, algorithm="sha256").hexdigest() for key in sorted(skeletons)]
