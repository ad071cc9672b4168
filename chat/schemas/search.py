"""Output schemas of the search for messages, people, conversations and files."""

from __future__ import annotations

import msgspec

from accounts.schemas import UserSchema
from chat.schemas.conversations import TitleSchema
from chat.schemas.messages import FileSchema, MessageSchema


class SearchHitSchema(msgspec.Struct):
    """A message that was found by a search. `highlights` are the parts of its `body` that match words of the query.

    Each part is a list of its start and end, counted in code points (characters of Python and UTF-32).
    `attachment_highlights` has such a list of parts for the file name of each attachment, in their order.
    """

    message: MessageSchema
    highlights: list[list[int]]
    attachment_highlights: list[list[list[int]]]


class FoundMessagesSchema(msgspec.Struct):
    """Messages found by a search. `next` is the URL of the next page, null on the last page."""

    results: list[SearchHitSchema]
    next: str | None


class FoundUsersSchema(msgspec.Struct):
    """Users found by their names, best first. `next` is the URL of the next page, null on the last page."""

    results: list[UserSchema]
    next: str | None


class FoundConversationsSchema(msgspec.Struct):
    """Conversations found by their titles. `next` is the URL of the next page, null on the last page."""

    results: list[TitleSchema]
    next: str | None


class FoundFilesSchema(msgspec.Struct):
    """Files found by their names. `next` is the URL of the next page, null on the last page."""

    results: list[FileSchema]
    next: str | None


class SearchResultsSchema(msgspec.Struct):
    """What a search has found, each kind in a list of its own. With `kind` in the request, the other lists are null."""

    messages: FoundMessagesSchema | None = None
    people: FoundUsersSchema | None = None
    conversations: FoundConversationsSchema | None = None
    files: FoundFilesSchema | None = None
