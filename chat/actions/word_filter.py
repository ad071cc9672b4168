"""Applies the word lists of the site and of groups to texts: refuses a text, masks words in it, or flags it.

Each process compiles the lists once for each version (WordListVersion). While there are no lists, this costs nothing.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from audit import actions as audit
from chat.actions.transaction import conversation_transaction
from chat.models import Conversation, Message, WordList, WordListVersion
from chat.text.word_matching import WordMatcher, fold_word, mask
from messenger.core import rate_limits
from messenger.core.database import write_transaction
from messenger.core.errors import ApplicationError, invalid

# SQL of the present version, for a query that reads other things too.
VERSION_SQL = "(SELECT COALESCE(MAX(number), 0) FROM chat_wordlistversion)"

TRIED_MESSAGES = 20_000  # newest messages on which a list is tried
MAX_SAMPLES = 20
MAX_WORDS = 20_000  # in one list
GROUP_EFFECTS = (WordList.Effect.MASK, WordList.Effect.BLOCK)  # flagging is for the moderators of the site


class Word(NamedTuple):
    text: str
    effect: str
    list_id: int


class FilterResult(NamedTuple):
    """What the word lists say about a text. `body` is the text with the masked words."""

    body: str
    error: ApplicationError | None = None
    flagged_words: tuple[str, ...] = ()


class _CompiledLists(NamedTuple):
    version: int
    site: WordMatcher[Word] | None
    groups: dict[int, WordMatcher[Word]]


_lock = threading.Lock()
_compiled = _CompiledLists(-1, None, {})


def get_version() -> int:
    return WordListVersion.objects.values_list("number", flat=True).first() or 0


def apply(body: str, conversation_id: int | None, version: int | None = None) -> FilterResult:
    """Checks a text with the lists of the site and of this conversation.

    `version` is the present version of the lists. Without it, uses what was compiled last and makes no query if
    something was.
    """
    lists = _get_compiled(version)
    matchers = [each for each in (lists.site, lists.groups.get(conversation_id or 0)) if each]
    if not matchers:
        return FilterResult(body)
    matches = [match for matcher in matchers for match in matcher.find(body)]
    if any(match.value.effect == WordList.Effect.BLOCK for match in matches):
        return FilterResult(body, invalid(body=_("This text contains words that are not allowed here.")))
    masked = mask(body, [match for match in matches if match.value.effect == WordList.Effect.MASK])
    flagged = dict.fromkeys(match.value.text for match in matches if match.value.effect == WordList.Effect.FLAG)
    return FilterResult(masked, None, tuple(flagged))


def has_lists(version: int | None = None) -> bool:
    """Returns True if any list is switched on. Otherwise `apply` changes no text.

    `version` means the same as for `apply`.
    """
    lists = _get_compiled(version)
    return lists.site is not None or bool(lists.groups)


def clean(body: str, conversation_id: int | None) -> FilterResult:
    """Checks a text like `apply`, and raises the error if it may not be written."""
    result = apply(body, conversation_id, get_version())
    if result.error:
        raise result.error
    return result


def clean_field(text: str, field: str, conversation_id: int | None = None) -> str:
    """Masks words of the word lists in a text of a group, such as its title, and returns it.

    `field` is the name of the field. Raises `invalid` for it if the text contains a word that is not allowed.
    """
    try:
        return clean(text, conversation_id).body
    except ApplicationError as error:
        raise invalid(**{field: error.detail}) from None


def _get_compiled(version: int | None) -> _CompiledLists:
    global _compiled
    lists = _compiled
    if lists.version == version or (version is None and lists.version >= 0):
        return lists
    with _lock:
        if _compiled.version != version:
            _compiled = _compile(get_version() if version is None else version)
        return _compiled


def _compile(version: int) -> _CompiledLists:
    words: dict[int, list[tuple[str, Word]]] = {}
    for row in WordList.objects.filter(is_active=True).order_by("pk"):
        for word in row.split_words():
            words.setdefault(row.conversation_id or 0, []).append((word, Word(word, row.effect, row.pk)))
    matchers = {conversation_id: WordMatcher(_strictest_last(group)) for conversation_id, group in words.items()}
    return _CompiledLists(version, matchers.pop(0, None), matchers)


def _strictest_last(words: list[tuple[str, Word]]) -> list[tuple[str, Word]]:
    """Orders words so that, of the same word in several lists, the strictest effect remains."""
    rank = {WordList.Effect.FLAG: 0, WordList.Effect.MASK: 1, WordList.Effect.BLOCK: 2}
    return sorted(words, key=lambda item: rank[WordList.Effect(item[1].effect)])


# ── Changes ──────────────────────────────────────────────────────────────────────────────────────────────────────
def publish_change() -> None:
    """Makes all processes compile the lists again with the next text. Call it in the transaction of a change."""
    WordListVersion.objects.update_or_create(pk=1, defaults={"number": time.time_ns()})


def switch_list(moderator_id: int, list_id: int, is_active: bool, reason: str = "") -> None:
    """Switches a word list on or off."""
    with write_transaction():
        row = WordList.objects.select_for_update(no_key=True).get(pk=list_id)
        if row.is_active == is_active:
            return
        row.is_active = is_active
        row.save(update_fields=["is_active", "changed_at"])
        action = "words.on" if is_active else "words.off"
        audit.record(action, moderator_id, row, conversation_id=row.conversation_id, reason=reason)
        publish_change()


def clean_words(text: str) -> str:
    """Returns the words of a list, one in each line. Raises `invalid` for too many, or for a line without letters."""
    lines = list(dict.fromkeys(line for each in text.splitlines() if (line := each.strip())))
    if unusable := next((line for line in lines if not fold_word(line)), None):
        raise invalid(words=_("This line has no letters or digits: %(line)s") % {"line": unusable})
    if len(lines) > MAX_WORDS:
        raise invalid(words=_("At most %(limit)d words.") % {"limit": MAX_WORDS})
    return "\n".join(lines)


def get_group_list(user_id: int, conversation_id: int) -> WordList:
    """Returns the word list of a group for its owner and admins; an unsaved one if the group has none."""
    with conversation_transaction(conversation_id, user_id) as tx:
        tx.require_allowed("change_group")
        row = WordList.objects.filter(conversation=conversation_id).order_by("pk").first()
        return row or WordList(conversation=tx.conversation, effect=WordList.Effect.MASK)


def set_group_list(user_id: int, conversation_id: int, words: str, effect: str) -> WordList:
    """Sets the word list of a group, which holds at once. Without words, it is switched off."""
    words = clean_words(words)
    if effect not in GROUP_EFFECTS:
        raise invalid(effect=_("Choose one of the options."))
    rate_limits.require("group.change", user_id)
    with conversation_transaction(conversation_id, user_id) as tx:
        tx.require_allowed("change_group")
        row = WordList.objects.filter(conversation=conversation_id).order_by("pk").first()
        row = row or WordList(conversation=tx.conversation)
        before = {"words": row.words, "effect": row.effect} if row.pk else {}
        row.name, row.words, row.effect, row.is_active = tx.conversation.title, words, effect, bool(words)
        row.save()
        tx.record_act("group.words", row, before=before, after={"words": words, "effect": effect})
        publish_change()
        return row


class Trial(NamedTuple):
    """What a word list would have done to past messages. `samples` are the newest messages that it would have met."""

    tried_count: int
    found_count: int
    samples: list[tuple[Message, list[str]]]


def try_list(row: WordList) -> Trial:
    """Tries a word list on the newest messages of its group, or of all groups. Direct messages are not read."""
    matcher = WordMatcher([(word, word) for word in row.split_words()])
    messages: QuerySet[Message] = Message.objects.filter(deleted_at=None, kind=Message.Kind.TEXT)
    if row.conversation_id:
        messages = messages.filter(conversation=row.conversation_id)
    else:
        messages = messages.filter(conversation__kind=Conversation.Kind.GROUP)
    tried_count = found_count = 0
    samples: list[tuple[Message, list[str]]] = []
    for message in messages.select_related("sender").order_by("-pk")[:TRIED_MESSAGES].iterator(chunk_size=2000):
        tried_count += 1
        if matches := matcher.find(message.body):
            found_count += 1
            if len(samples) < MAX_SAMPLES:
                samples.append((message, list(dict.fromkeys(match.value for match in matches))))
    return Trial(tried_count, found_count, samples)
