"""View model of the edit history: all versions of a message, each compared with the version before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chat.schemas import MessageSchema, RevisionSchema
from chat.text.diff import DiffPart, diff_versions


class MessageVersion(NamedTuple):
    at: str  # when this version was written
    parts: list[DiffPart]  # the text, with the differences to the version before
    is_first: bool
    is_current: bool


def build_message_versions(message: MessageSchema, revisions: Sequence[RevisionSchema]) -> list[MessageVersion]:
    """Returns all versions of a message, newest first.

    `revisions` are the earlier versions of the message, oldest first.
    """
    times = [*(revision.written_at for revision in revisions), message.edited_at or message.created_at]
    texts = diff_versions([*(revision.body for revision in revisions), message.body])
    versions = [
        MessageVersion(at, parts, is_first=index == 0, is_current=index == len(revisions))
        for index, (at, parts) in enumerate(zip(times, texts, strict=True))
    ]
    return versions[::-1]
