"""What comes in through the REST API: form only. Whether it may be done, and how long a text may be, the verbs know.

Fields that are not named here are ignored: a forged sender, time, id or `seq` is never even looked at. What goes out
is made from chat/schemas.py by messenger/rest/struct_serializers.py.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chat.actions.validation import is_unicode
from chat.models import Attachment, Conversation, Level, Report, Role
from chat.view_models import times
from messenger.rest.fields import Flag, Id, Ids, Limit, Number, Text, Uuid

CURSORS = 5_000  # conversations in one `sync`, as on the socket


def longest(model, field: str) -> int:
    return model._meta.get_field(field).max_length


@extend_schema_field(OpenApiTypes.STR)
class ActivityCursor(serializers.Field):
    """A place in the list of conversations, (time, id) for `chat.selectors.messages`: `2026-11-21T01:02:03.456789+00:00_12`."""

    default_error_messages: ClassVar = {"invalid": _("Take this from `next` of the page before.")}

    def to_internal_value(self, data) -> tuple[str, int]:
        at, _bar, number = str(data).rpartition("_")
        place = times.activity_place(at, number)
        if place is None:
            self.fail("invalid")
        return place

    @staticmethod
    def written(cursor: tuple[str, int] | None) -> str | None:
        return "{}_{}".format(*cursor) if cursor else None


# ── Conversations ────────────────────────────────────────────────────────────────────────────────────────────────
class OpenDirectSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=[Conversation.Kind.DIRECT.value])
    user_id = Id()


class CreateGroupSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=[Conversation.Kind.GROUP.value])
    title = Text(max_length=longest(Conversation, "title"))
    user_ids = Ids(default=list)


class ConversationChangesSerializer(serializers.Serializer):
    title = Text(max_length=longest(Conversation, "title"))
    description = Text(max_length=longest(Conversation, "description"), allow_blank=True)
    announcement = Text(max_length=longest(Conversation, "announcement"), allow_blank=True)
    members_may_add = Flag()
    members_may_pin = Flag()
    revisions_visible = Flag()


class MineChangesSerializer(serializers.Serializer):
    muted = Flag()
    level = serializers.ChoiceField(choices=Level.values)
    favourite = Flag()
    archived = Flag()
    draft = Text(allow_blank=True, help_text=_("What was typed and not sent; on every device of this person."))
    announcement_seen = Number(help_text=_("The `announced_version` that was put away; it only grows."))
    receipts = Flag(help_text=_("Show here how far one has got and read, and see it of the others."))


class AddMembersSerializer(serializers.Serializer):
    user_ids = Ids(min_length=1)


class PictureSerializer(serializers.Serializer):
    """JPEG (40 megapixels at most), PNG, GIF (16) or WebP (5), at most 5 MB. It is cut square and written anew."""

    avatar = serializers.FileField()


class InviteSerializer(serializers.Serializer):
    expires_at = serializers.DateTimeField(
        default=None, allow_null=True, help_text=_("Within a year; null: until it is taken back.")
    )
    max_uses = Id(default=None, allow_null=True, help_text=_("So many people may come by it; null: any number."))


class RoleChangeSerializer(serializers.Serializer):
    role = serializers.ChoiceField(choices=Role.values, help_text=_("`owner` hands the group over."))


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────
class SendSerializer(serializers.Serializer):
    client_id = Uuid(help_text=_("Made by the client, never used again: sending twice is harmless."))
    body = Text(
        default="",
        allow_blank=True,
        help_text=_("Markdown, at most %(limit)d code points.") % {"limit": settings.BODY_LIMIT},
    )
    reply_to_id = Id(default=None, allow_null=True)
    forward_id = Id(default=None, allow_null=True, help_text=_("A message that one may see; its text is taken over."))
    attachment_ids = Ids(
        default=list,
        max_length=settings.FILES_AT_ONCE,
        help_text=_("Files that were uploaded and not sent yet, in this order; with them `body` may be empty."),
    )


class EditSerializer(serializers.Serializer):
    body = Text(allow_blank=True)


class DescribeSerializer(serializers.Serializer):
    alt = Text(allow_blank=True, max_length=500)


class ReportSerializer(serializers.Serializer):
    reason = Text(default="", allow_blank=True, max_length=longest(Report, "reason"))


class EmojiSerializer(serializers.Serializer):
    """From the path. Whether it is one emoji, the verb knows."""

    emoji = Text(max_length=32)


# ── Marks ────────────────────────────────────────────────────────────────────────────────────────────────────────
class ReadSerializer(serializers.Serializer):
    seq = Number(
        required=False,
        help_text=_("Everything up to this message is read. With `back` it may be left out: the newest of others."),
    )
    back = Flag(default=False, help_text=_("Move the mark back: this message and later ones are unread again."))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "seq" not in attrs and not attrs["back"]:
            raise serializers.ValidationError({"seq": self.fields["seq"].error_messages["required"]})
        return attrs


class SyncSerializer(serializers.Serializer):
    cursors = serializers.DictField(
        child=Number(), default=dict, help_text=_("The version of each conversation that this device knows, by its id.")
    )
    me = Number(default=0)
    open = Id(default=None, allow_null=True, help_text=_("The conversation that is looked at."))

    def validate_cursors(self, cursors: dict[str, int]) -> dict[int, int]:
        if len(cursors) > CURSORS or not all(
            text.isascii() and text.isdecimal() and len(text) < 19 for text in cursors
        ):
            raise serializers.ValidationError(_("Ids of conversations, %(most)d at most.") % {"most": CURSORS})
        return {int(text): version for text, version in cursors.items()}


# ── Queries ──────────────────────────────────────────────────────────────────────────────────────────────────────
class ConversationsQuery(serializers.Serializer):
    before = ActivityCursor(default=None, help_text=_("Where the page before ended; take it from `next`."))
    limit = Limit()


class MentionsQuery(serializers.Serializer):
    before = Id(default=None, help_text=_("Where the page before ended; take it from `next`."))
    limit = Limit()


class FilesQuery(serializers.Serializer):
    kind = serializers.ChoiceField(choices=Attachment.Kind.values, default="", allow_blank=True)
    before = Id(default=None, help_text=_("Where the page before ended; take it from `next`."))
    limit = Limit()


class HistoryQuery(serializers.Serializer):
    before = Number(default=None, help_text=_("Messages with a smaller `seq`."))
    after = Number(default=None, help_text=_("Messages with a larger `seq`."))
    around = Number(default=None, help_text=_("Messages on both sides of this `seq`."))
    limit = Limit()

    def validate(self, query):
        if len([name for name in ("before", "after", "around") if query[name] is not None]) > 1:
            words = _("Only one of before, after and around.")
            raise serializers.ValidationError(
                {name: words for name in ("before", "after", "around") if query[name] is not None}
            )
        return query


class ChangesQuery(serializers.Serializer):
    after = Number(default=0, help_text=_("The version that is known."))
    limit = Limit(default=200, most=500)


@extend_schema_field(OpenApiTypes.STR)
class MemberCursor(serializers.Field):
    """A place in the list of members: rank, person and name, for `chat.selectors.members`."""

    default_error_messages: ClassVar = {"invalid": _("Take this from `next` of the page before.")}

    def to_internal_value(self, data) -> tuple[int, int, str]:
        rank, _first, rest = str(data).partition("_")
        number, _second, name = rest.partition("_")
        if rank not in ("0", "1", "2") or not (number.isascii() and number.isdecimal() and len(number) < 19):
            self.fail("invalid")
        if len(name) > 100 or "\0" in name or not is_unicode(name):
            self.fail("invalid")
        return int(rank), int(number), name

    @staticmethod
    def written(cursor: tuple[int, int, str] | None) -> str | None:
        return "{}_{}_{}".format(*cursor) if cursor else None


class MembersQuery(serializers.Serializer):
    q = Text(default="", allow_blank=True, max_length=100, help_text=_("Part of a name, also by pinyin."))
    user_ids = Text(default=None, help_text=_("Only these people, at most 100, also those who have left: `3,9,12`."))
    before = MemberCursor(default=None, help_text=_("Where the page before ended; take it from `next`."))
    limit = Limit(default=200, most=500)

    def validate_user_ids(self, text: str | None) -> list[int] | None:
        if text is None:
            return None
        ids = text.split(",")
        if len(ids) > 100 or not all(each.isascii() and each.isdecimal() and len(each) < 19 for each in ids):
            raise serializers.ValidationError(_("Numbers of people, with commas between them."))
        return [int(each) for each in ids]


class PeopleQuery(serializers.Serializer):
    q = Text(default="", allow_blank=True, max_length=100, help_text=_("Part of a user name or display name."))
    conversation = Id(default=None, help_text=_("Only members of this conversation."))
    limit = Limit(default=20)
