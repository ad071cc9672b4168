"""The input of the chat (msgspec structs): commands of the WebSocket and requests of the REST API, one definition each.

The WebSocket decodes the payload of a frame to such a struct. The REST API makes the validation of a request from it
(messenger/rest/inputs.py), without the fields that are in the path of the URL. Both check only types and formats: the
functions in chat.actions check permissions and the length of texts. Unknown fields are ignored, so a client cannot set
the sender, time, id or number (`seq`) of a message. The structs of chat/schemas are the output.

The description of a field is shown in the OpenAPI document. It is translated: `gettext_noop` marks it.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _
from msgspec import UNSET, UnsetType

from chat.models import Attachment, Conversation, Level, Report, ReportKind, Role
from messenger.core.errors import invalid
from messenger.core.field_types import (
    Count,
    DateTime,
    File,
    Id,
    LongPageSize,
    PageSize,
    comma_separated_ids,
    described,
    keyed_by_id,
    one_of,
)

MAX_SYNC_CONVERSATIONS = 5_000  # in one `sync`


def text_of(model: type, field: str, *, may_be_blank: bool = False) -> msgspec.Meta:
    """Returns the annotation of a text that is stored in a field of a model: its length and whether it may be empty."""
    limit = model._meta.get_field(field).max_length  # type: ignore[attr-defined]
    return msgspec.Meta(min_length=None if may_be_blank else 1, max_length=limit)


# ── Commands of the WebSocket and the REST API ───────────────────────────────────────────────────────────────────
class SendPayload(msgspec.Struct):
    """Send a message. The client creates the UUID `client_id` for it.

    If your message with this `client_id` is stored already, no second message is created, and the answer contains the
    stored message in its current state.
    """

    conversation_id: Id
    client_id: Annotated[
        UUID, described(_("Created by the client and never reused: sending the same message twice is harmless."))
    ]
    body: Annotated[str, described(_("Markdown, at most %(limit)d code points."), limit=settings.BODY_LIMIT)] = ""
    reply_to_id: Id | None = None
    forward_id: Annotated[Id | None, described(_("A message that you can see; its text is copied."))] = None
    attachment_ids: Annotated[
        list[Id],
        msgspec.Meta(max_length=settings.FILES_AT_ONCE),
        described(_("Files that were uploaded but not yet sent, in this order; with files, `body` may be empty.")),
    ] = []


class EditPayload(msgspec.Struct):
    """Edit one of your own messages."""

    message_id: Id
    body: str


class DeletePayload(msgspec.Struct):
    """Delete one of your own messages. Owners and admins of a group can delete any message of the group."""

    message_id: Id


class ReactionPayload(msgspec.Struct):
    """Add your reaction to a message (`active`: true) or remove it (`active`: false)."""

    message_id: Id
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    active: bool


class ReadPayload(msgspec.Struct):
    """Mark all messages of a conversation up to the message number `seq` as read.

    With `back`: true, mark the message `seq` and all later messages as unread. Then `seq` may be left out: the default
    is the newest message of others.
    """

    conversation_id: Id
    seq: (
        Annotated[
            Count,
            DateTime,
            described(
                _(
                    "Everything up to this message is read. With `back` it can be omitted: the default is the newest"
                    " message of others."
                )
            ),
        ]
        | UnsetType
    ) = UNSET
    back: Annotated[bool, described(_("Move the mark back: this message and later ones are unread again."))] = False

    @property
    def read_seq(self) -> int | None:
        return None if self.seq is UNSET else self.seq

    def __post_init__(self) -> None:
        if self.seq is UNSET and not self.back:
            raise invalid(seq=gettext_lazy("This field is required."))


class ReceivedPayload(msgspec.Struct):
    """Report which messages this device has received.

    `marks` has, for each conversation id, the number (`seq`) of the newest received message. All earlier messages count
    as received too.
    """

    marks: Annotated[dict[Id, Count], keyed_by_id(500)]


class SyncPayload(msgspec.Struct):
    """Ask for the changes that this client has missed.

    `cursors`: the version (number of the newest change) that the client knows of each conversation, by conversation id.
    `me`: the version of the user's own data that the client knows. `open`: id of the conversation on the screen.
    """

    cursors: Annotated[
        dict[Id, Count],
        keyed_by_id(MAX_SYNC_CONVERSATIONS),
        described(_("The version of each conversation that this device knows, by conversation ID.")),
    ] = {}
    me: Count = 0
    open: Annotated[Id | None, described(_("The conversation being viewed."))] = None


# ── Requests of the REST API only ────────────────────────────────────────────────────────────────────────────────
GroupTitle = Annotated[str, text_of(Conversation, "title")]
UserIds = Annotated[list[Id], msgspec.Meta(max_length=500)]
Switch = bool | UnsetType  # in a request that changes only the fields that it contains


class OpenDirectPayload(msgspec.Struct):
    kind: Annotated[str, one_of([Conversation.Kind.DIRECT])]
    user_id: Id


class CreateGroupPayload(msgspec.Struct):
    kind: Annotated[str, one_of([Conversation.Kind.GROUP])]
    title: GroupTitle
    user_ids: UserIds = []


class ConversationChangesPayload(msgspec.Struct):
    title: GroupTitle | UnsetType = UNSET
    description: Annotated[str, text_of(Conversation, "description", may_be_blank=True)] | UnsetType = UNSET
    announcement: Annotated[str, text_of(Conversation, "announcement", may_be_blank=True)] | UnsetType = UNSET
    members_may_add: Switch = UNSET
    members_may_pin: Switch = UNSET
    revisions_visible: Switch = UNSET
    joins_need_approval: Switch = UNSET
    retention_days: (
        Annotated[Count, described(_("Days after which messages are removed; 0: as on the site."))] | UnsetType
    ) = UNSET
    slow_mode: (
        Annotated[Count, described(_("Seconds between two messages of one member; 0: no limit."))] | UnsetType
    ) = UNSET


class MineChangesPayload(msgspec.Struct):
    muted: Switch = UNSET
    level: Annotated[str, one_of(Level.values)] | UnsetType = UNSET
    favourite: Switch = UNSET
    archived: Switch = UNSET
    draft: (
        Annotated[str, described(_("Text typed but not yet sent, synchronized between all devices of this user."))]
        | UnsetType
    ) = UNSET
    announcement_seen: (
        Annotated[Count, described(_("The `announced_version` that was dismissed; it only increases."))] | UnsetType
    ) = UNSET
    receipts: (
        Annotated[bool, described(_("Share delivery and read receipts here, and see those of others."))] | UnsetType
    ) = UNSET


class AddMembersPayload(msgspec.Struct):
    user_ids: Annotated[UserIds, msgspec.Meta(min_length=1)]


class RoleChangePayload(msgspec.Struct):
    role: Annotated[str, one_of(Role.values), described(_("`owner` transfers the ownership of the group."))]


class PicturePayload(msgspec.Struct):
    """The avatar of a group: an image of at most 5 MB.

    JPEG (at most 40 megapixels), PNG, GIF (at most 16 megapixels) or WebP (at most 5 megapixels). The image is cropped
    to a square and re-encoded.
    """

    avatar: File


class InvitePayload(msgspec.Struct):
    expires_at: Annotated[DateTime | None, described(_("Within a year; null: no expiry date."))] = None
    max_uses: Annotated[Id | None, described(_("The number of people who can join with it; null: no limit."))] = None


class ReportPayload(msgspec.Struct):
    """What is wrong with the message or person, for the moderators. The reported person does not learn who you are."""

    kind: Annotated[str, one_of(ReportKind.values)] = ReportKind.OTHER.value
    reason: Annotated[str, text_of(Report, "reason", may_be_blank=True)] = ""


class DescribePayload(msgspec.Struct):
    alt: Annotated[str, text_of(Attachment, "alt", may_be_blank=True)]


# ── Query parameters of the REST API ─────────────────────────────────────────────────────────────────────────────
Cursor = described(_("Where the previous page ended; take it from `next`."))


class ConversationListQuery(msgspec.Struct):
    before: Annotated[str | None, Cursor] = None  # see chat.cursors
    limit: PageSize = 50


class MentionListQuery(msgspec.Struct):
    before: Annotated[Id | None, Cursor] = None
    limit: PageSize = 50


class MemberMutePayload(msgspec.Struct):
    seconds: Annotated[Count, described(_("3600, 86400 or 604800; 0 ends it."))]


class JoinRequestQuery(msgspec.Struct):
    before: Annotated[Id | None, Cursor] = None


class GroupLogQuery(msgspec.Struct):
    before: Annotated[Id | None, Cursor] = None


class FileListQuery(msgspec.Struct):
    kind: Annotated[str, one_of([*Attachment.Kind.values, ""])] = ""
    before: Annotated[Id | None, Cursor] = None
    limit: PageSize = 50


class HistoryQuery(msgspec.Struct):
    before: Annotated[Count | None, described(_("Messages with a smaller `seq`."))] = None
    after: Annotated[Count | None, described(_("Messages with a larger `seq`."))] = None
    around: Annotated[Count | None, described(_("Messages on both sides of this `seq`."))] = None
    limit: PageSize = 50

    def __post_init__(self) -> None:
        names = [name for name in ("before", "after", "around") if getattr(self, name) is not None]
        if len(names) > 1:
            raise invalid(**dict.fromkeys(names, gettext_lazy("Only one of before, after and around.")))


class ChangesQuery(msgspec.Struct):
    after: Annotated[Count, described(_("The known version."))] = 0
    limit: LongPageSize = 200


class MemberListQuery(msgspec.Struct):
    q: Annotated[str, msgspec.Meta(max_length=100), described(_("Part of a name; pinyin works too."))] = ""
    user_ids: Annotated[
        Annotated[list[Id], comma_separated_ids(100)] | None,
        described(_("Only these people, at most 100, including former members: `3,9,12`.")),
    ] = None
    before: Annotated[str | None, Cursor] = None  # see chat.cursors
    limit: LongPageSize = 200


class UserSearchQuery(msgspec.Struct):
    q: Annotated[str, msgspec.Meta(max_length=100), described(_("Part of a username or display name."))] = ""
    conversation: Annotated[Id | None, described(_("Only members of this conversation."))] = None
    limit: PageSize = 20


class SearchQuery(msgspec.Struct):
    q: Annotated[
        str,
        msgspec.Meta(min_length=1),
        described(_("Words and operators, such as `minutes from:alice has:file`; see docs/clients.md.")),
    ]
    conversation: Annotated[Id | None, described(_("Search only in this conversation."))] = None
    kind: Annotated[
        str,
        one_of(["messages", "people", "conversations", "files", ""]),
        described(_("Return only this list.")),
    ] = ""
    sort: Annotated[
        str,
        one_of(["newest", "best"]),
        described(_("`best`: the most relevant messages, without further pages.")),
    ] = "newest"
    before: Annotated[str | None, Cursor] = None  # see chat.cursors
    limit: PageSize = 50

    def __post_init__(self) -> None:
        if self.before is not None and not self.kind:
            raise invalid(before=gettext_lazy("Only with `kind`: each list has pages of its own."))
