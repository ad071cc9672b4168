"""What comes in through the REST API: form only. Whether it may be done, and how long a text may be, the verbs know.

Fields that are not named here are ignored: a forged sender, time, id or `seq` is never even looked at. What goes out
is made from chat/shapes.py by messenger/struct_serializers.py.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chat import times
from chat.models import Conversation, Level, Report, Role
from messenger.api_fields import Flag, Id, Ids, Limit, Number, Text, Uuid


def longest(model, field: str) -> int:
    return model._meta.get_field(field).max_length


@extend_schema_field(OpenApiTypes.STR)
class ActivityCursor(serializers.Field):
    """A place in the list of conversations, (time, id) for `chat.reading`: `2026-11-21T01:02:03.456789+00:00_12`."""

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


class AddMembersSerializer(serializers.Serializer):
    user_ids = Ids(min_length=1)


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
    attachment_ids = Ids(default=list)

    def validate_attachment_ids(self, ids: list[int]) -> list[int]:
        # No file can have been uploaded to this site yet. A message that silently lost its files would be worse.
        if ids:
            raise serializers.ValidationError(_("There is no such file."))
        return ids


class EditSerializer(serializers.Serializer):
    body = Text(allow_blank=True)


class ReportSerializer(serializers.Serializer):
    reason = Text(default="", allow_blank=True, max_length=longest(Report, "reason"))


class EmojiSerializer(serializers.Serializer):
    """From the path. Whether it is one emoji, the verb knows."""

    emoji = Text(max_length=32)


# ── Marks ────────────────────────────────────────────────────────────────────────────────────────────────────────
class ReadSerializer(serializers.Serializer):
    seq = Number(help_text=_("Everything up to this message is read."))
    back = Flag(default=False, help_text=_("Move the mark back: this message and later ones are unread again."))


# ── Queries ──────────────────────────────────────────────────────────────────────────────────────────────────────
class ConversationsQuery(serializers.Serializer):
    before = ActivityCursor(default=None, help_text=_("Where the page before ended; take it from `next`."))
    limit = Limit()


class MentionsQuery(serializers.Serializer):
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


class PeopleQuery(serializers.Serializer):
    q = Text(default="", allow_blank=True, max_length=100, help_text=_("Part of a user name or display name."))
    conversation = Id(default=None, help_text=_("Only members of this conversation."))
    limit = Limit(default=20)
