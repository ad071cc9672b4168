"""Models of the audit log. Code never changes or deletes entries; the managers and models refuse it."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class AppendOnlyError(TypeError):
    """Raised by an attempt to change or delete an entry of the audit log."""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> int:
        raise AppendOnlyError("Entries of the audit log are not changed.")

    def delete(self) -> Any:
        raise AppendOnlyError("Entries of the audit log are not deleted.")


class AuditEntry(models.Model):
    """One act: who did what to which object, why, and what changed.

    There are no foreign keys, so an entry outlives its objects. `number` and `digest` are empty until the entry is
    sealed (added to the chain), which happens right after the commit of its transaction.
    """

    created_at = models.DateTimeField(_("time"))
    actor_id = models.BigIntegerField(_("done by"), null=True)  # a user; null: the site itself or a command
    address = models.CharField(_("address"), max_length=45, blank=True)  # the IP address of the actor, if known
    action = models.CharField(_("act"), max_length=40)  # such as `message.hide`
    target_type = models.CharField(max_length=60, blank=True)  # label of a model, such as `chat.message`
    target_id = models.CharField(max_length=40, blank=True)
    conversation_id = models.BigIntegerField(null=True)  # if the act is one in a conversation
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    before = models.JSONField(_("before"), default=dict)  # the changed values, by field name
    after = models.JSONField(_("after"), default=dict)
    number = models.BigIntegerField(_("number"), null=True, unique=True)  # place in the chain, from 1
    digest = models.CharField(_("digest"), max_length=64, blank=True)  # see audit/chain.py

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("act")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["actor_id", "id"], name="audit_by_actor"),
            models.Index(fields=["target_type", "target_id"], name="audit_by_target"),
            models.Index(fields=["conversation_id", "id"], name="audit_by_conversation"),
            models.Index(fields=["id"], condition=models.Q(number=None), name="audit_unsealed"),
        ]

    def __str__(self) -> str:
        return f"{self.number or '–'} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnlyError("Entries of the audit log are not changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise AppendOnlyError("Entries of the audit log are not deleted.")


class ChainHead(models.Model):
    """The newest number and digest of the chain, in a single row. Its lock lets only one process seal entries."""

    number = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    published_number = models.BigIntegerField(default=0)  # the newest number written to AUDIT_HEADS
