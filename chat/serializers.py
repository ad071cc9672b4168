"""Serializers for the input of the REST API that is no input of a WebSocket command: see chat/payloads.py for those.

They check only types and formats. The functions in chat.actions check permissions and the length of texts. Unknown
fields are ignored, so a client cannot set the sender, time, id or number (`seq`) of a message. The structs of
chat/schemas are the output.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from chat.actions.validation import is_encodable
from chat.models import Attachment, Conversation, Level, Report, Role
from chat.view_models import times
from messenger.core.numbers import is_id
from messenger.rest.fields import (
    IdField,
    IdListField,
    PageSizeField,
    SequenceNumberField,
    StrictBooleanField,
    StrictCharField,
)


def max_length_of(model, field: str) -> int:
    return model._meta.get_field(field).max_length


@extend_schema_field(OpenApiTypes.STR)
class ActivityCursorField(serializers.Field):
    """A position in the list of conversations, at which the next page begins.

    It is a text like `2026-11-21T01:02:03.456789+00:00_12`. The parsed value is the tuple (time of last activity, id)
    of the last conversation on the previous page, for `selectors.list_conversations`.
    """

    default_error_messages: ClassVar = {"invalid": _("Take this from `next` of the previous page.")}

    def to_internal_value(self, data) -> tuple[str, int]:
        time, _separator, conversation_id = str(data).rpartition("_")
        cursor = times.parse_activity_cursor(time, conversation_id)
        if cursor is None:
            self.fail("invalid")
        return cursor

    @staticmethod
    def encode(cursor: tuple[str, int] | None) -> str | None:
        return "{}_{}".format(*cursor) if cursor else None


# ── Conversations ────────────────────────────────────────────────────────────────────────────────────────────────
class OpenDirectSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=[Conversation.Kind.DIRECT.value])
    user_id = IdField()


class CreateGroupSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=[Conversation.Kind.GROUP.value])
    title = StrictCharField(max_length=max_length_of(Conversation, "title"))
    user_ids = IdListField(default=list)


class ConversationChangesSerializer(serializers.Serializer):
    title = StrictCharField(max_length=max_length_of(Conversation, "title"))
    description = StrictCharField(max_length=max_length_of(Conversation, "description"), allow_blank=True)
    announcement = StrictCharField(max_length=max_length_of(Conversation, "announcement"), allow_blank=True)
    members_may_add = StrictBooleanField()
    members_may_pin = StrictBooleanField()
    revisions_visible = StrictBooleanField()


@extend_schema_serializer(component_name="MineChanges")
class MemberStateChangesSerializer(serializers.Serializer):
    muted = StrictBooleanField()
    level = serializers.ChoiceField(choices=Level.values)
    favourite = StrictBooleanField()
    archived = StrictBooleanField()
    draft = StrictCharField(
        allow_blank=True, help_text=_("Text typed but not yet sent, synchronized between all devices of this user.")
    )
    announcement_seen = SequenceNumberField(
        help_text=_("The `announced_version` that was dismissed; it only increases.")
    )
    receipts = StrictBooleanField(help_text=_("Share delivery and read receipts here, and see those of others."))


class AddMembersSerializer(serializers.Serializer):
    user_ids = IdListField(min_length=1)


@extend_schema_serializer(component_name="Picture")
class GroupAvatarSerializer(serializers.Serializer):
    """The avatar of a group: an image of at most 5 MB.

    JPEG (at most 40 megapixels), PNG, GIF (at most 16 megapixels) or WebP (at most 5 megapixels). The image is cropped
    to a square and re-encoded.
    """

    avatar = serializers.FileField()


class InviteSerializer(serializers.Serializer):
    expires_at = serializers.DateTimeField(
        default=None, allow_null=True, help_text=_("Within a year; null: no expiry date.")
    )
    max_uses = IdField(
        default=None, allow_null=True, help_text=_("The number of people who can join with it; null: no limit.")
    )


class RoleChangeSerializer(serializers.Serializer):
    role = serializers.ChoiceField(choices=Role.values, help_text=_("`owner` transfers the ownership of the group."))


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────
class DescribeSerializer(serializers.Serializer):
    alt = StrictCharField(allow_blank=True, max_length=500)


class ReportSerializer(serializers.Serializer):
    reason = StrictCharField(default="", allow_blank=True, max_length=max_length_of(Report, "reason"))


# ── Read markers ────────────────────────────────────────────────────────────────────────────────────────────────────
class ReadSerializer(serializers.Serializer):
    seq = SequenceNumberField(
        required=False,
        help_text=_(
            "Everything up to this message is read. With `back` it can be omitted: the default is the newest message "
            "of others."
        ),
    )
    back = StrictBooleanField(
        default=False, help_text=_("Move the mark back: this message and later ones are unread again.")
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "seq" not in attrs and not attrs["back"]:
            raise serializers.ValidationError({"seq": self.fields["seq"].error_messages["required"]})
        return attrs


# ── Queries ──────────────────────────────────────────────────────────────────────────────────────────────────────
class ConversationListQuerySerializer(serializers.Serializer):
    before = ActivityCursorField(default=None, help_text=_("Where the previous page ended; take it from `next`."))
    limit = PageSizeField()


class MentionListQuerySerializer(serializers.Serializer):
    before = IdField(default=None, help_text=_("Where the previous page ended; take it from `next`."))
    limit = PageSizeField()


class SearchQuerySerializer(serializers.Serializer):
    q = StrictCharField(help_text=_("Words and operators, such as `minutes from:alice has:file`; see docs/clients.md."))
    conversation = IdField(default=None, help_text=_("Search only in this conversation."))
    kind = serializers.ChoiceField(
        choices=["messages", "people", "conversations", "files"],
        default="",
        allow_blank=True,
        help_text=_("Return only this list."),
    )
    sort = serializers.ChoiceField(
        choices=["newest", "best"],
        default="newest",
        help_text=_("`best`: the most relevant messages, without further pages."),
    )
    before = IdField(default=None, help_text=_("Where the previous page ended; take it from `next`."))
    limit = PageSizeField()


class FileListQuerySerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=Attachment.Kind.values, default="", allow_blank=True)
    before = IdField(default=None, help_text=_("Where the previous page ended; take it from `next`."))
    limit = PageSizeField()


class HistoryQuerySerializer(serializers.Serializer):
    before = SequenceNumberField(default=None, help_text=_("Messages with a smaller `seq`."))
    after = SequenceNumberField(default=None, help_text=_("Messages with a larger `seq`."))
    around = SequenceNumberField(default=None, help_text=_("Messages on both sides of this `seq`."))
    limit = PageSizeField()

    def validate(self, query):
        names = [name for name in ("before", "after", "around") if query[name] is not None]
        if len(names) > 1:
            raise serializers.ValidationError(dict.fromkeys(names, _("Only one of before, after and around.")))
        return query


class ChangesQuerySerializer(serializers.Serializer):
    after = SequenceNumberField(default=0, help_text=_("The known version."))
    limit = PageSizeField(default=200, maximum=500)


@extend_schema_field(OpenApiTypes.STR)
class MemberCursorField(serializers.Field):
    """A position in the list of members, at which the next page begins. It is a text like `2_345_alice`.

    The parsed value is the tuple (rank of the role, user id, name) of the last member on the previous page, for
    `selectors.find_members`.
    """

    default_error_messages: ClassVar = {"invalid": _("Take this from `next` of the previous page.")}

    def to_internal_value(self, data) -> tuple[int, int, str]:
        rank, _separator, rest = str(data).partition("_")
        user_id, _separator, name = rest.partition("_")
        if rank not in ("0", "1", "2") or not is_id(user_id):
            self.fail("invalid")
        if len(name) > 100 or "\0" in name or not is_encodable(name):
            self.fail("invalid")
        return int(rank), int(user_id), name

    @staticmethod
    def encode(cursor: tuple[int, int, str] | None) -> str | None:
        return "{}_{}_{}".format(*cursor) if cursor else None


class MemberListQuerySerializer(serializers.Serializer):
    q = StrictCharField(default="", allow_blank=True, max_length=100, help_text=_("Part of a name; pinyin works too."))
    user_ids = StrictCharField(
        default=None, help_text=_("Only these people, at most 100, including former members: `3,9,12`.")
    )
    before = MemberCursorField(default=None, help_text=_("Where the previous page ended; take it from `next`."))
    limit = PageSizeField(default=200, maximum=500)

    def validate_user_ids(self, text: str | None) -> list[int] | None:
        if text is None:
            return None
        ids = text.split(",")
        if len(ids) > 100 or not all(is_id(user_id) for user_id in ids):
            raise serializers.ValidationError(_("User IDs, separated by commas."))
        return [int(user_id) for user_id in ids]


class UserSearchQuerySerializer(serializers.Serializer):
    q = StrictCharField(
        default="", allow_blank=True, max_length=100, help_text=_("Part of a username or display name.")
    )
    conversation = IdField(default=None, help_text=_("Only members of this conversation."))
    limit = PageSizeField(default=20)
