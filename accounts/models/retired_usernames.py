"""User names of accounts that are no more."""

from __future__ import annotations

from django.db import models
from django.utils.crypto import salted_hmac

from accounts.text.usernames import capitals, skeleton


class SpentNameManager(models.Manager["SpentName"]):
    def keep(self, name: str) -> None:
        self.bulk_create([SpentName(digest=digest) for digest in _digests(name)], ignore_conflicts=True)

    def has(self, name: str) -> bool:
        return self.filter(digest__in=_digests(name)).exists()


class SpentName(models.Model):
    """Whoever took the name of somebody who has left would be taken for them. Only digests are kept, of how the name
    looks in small letters and in capitals: the name itself is nobody's any more, and is not to be read here."""

    digest = models.CharField(max_length=64, primary_key=True)

    objects = SpentNameManager()

    def __str__(self) -> str:
        return self.digest


def _digests(name: str) -> list[str]:
    faces = {f"small.{skeleton(name)}", f"large.{capitals(name)}"}
    return [salted_hmac("accounts.spent", face, algorithm="sha256").hexdigest() for face in sorted(faces)]
