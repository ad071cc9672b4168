"""Models of word lists: words that may not be written on the site or in one group."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.models.conversations import Conversation


class WordList(models.Model):
    """A list of words, and what happens to a message that contains one of them. chat.text.word_matching finds them."""

    class Effect(models.TextChoices):
        BLOCK = "block", _("Block: the message is not sent")
        MASK = "mask", _("Mask: the words are replaced by ＊")
        FLAG = "flag", _("Flag: the message is sent and reported to the moderators")

    name = models.CharField(_("name"), max_length=80)
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, null=True, blank=True, related_name="word_lists", verbose_name=_("group")
    )  # null: of the whole site
    words = models.TextField(_("words"), help_text=_("One word or phrase in each line."))
    effect = models.CharField(_("effect"), max_length=5, choices=Effect, default=Effect.FLAG)
    is_active = models.BooleanField(_("switched on"), default=False)
    changed_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("word list")
        verbose_name_plural = _("word lists")

    def __str__(self) -> str:
        return self.name

    def split_words(self) -> list[str]:
        return [word for line in self.words.splitlines() if (word := line.strip())]


class WordListVersion(models.Model):
    """When any word list has changed last (nanoseconds since 1970), in a single row.

    Each send reads it in a query that it makes anyway, and compiles the lists again only if it has changed.
    """

    number = models.BigIntegerField(default=0)
