"""An empty line, row and member. With these the partials that draw history also draw the templates of scripts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from accounts.schemas import UserSchema
from chat.models import Attachment
from chat.schemas import AttachmentSchema, ConversationSchema, MemberSchema, MessageSchema, MineSchema
from chat.view_models.attachments import drawn
from chat.view_models.conversation_list import Row
from chat.view_models.message_log import Event, Line, Place, ReactionLine

_NOBODY = UserSchema(0, "", "")
_NEVER = datetime(2000, 1, 1, 12, tzinfo=UTC)
EVENTS = (
    *("joined", "added", "linked", "linked-mine", "left", "removed", "renamed", "described", "pictured", "unpictured"),
    *("announced", "unannounced", "promoted", "demoted", "owner", "changed"),
)


def everything() -> dict[str, Any]:
    return {
        "blank_line": _line(),
        "blank_events": [_line(Event(kind, "", "", "", "")) for kind in EVENTS],
        "blank_row": _row(),
        "blank_files": drawn([AttachmentSchema(0, kind, "", "", 0, "") for kind in Attachment.Kind.values]),
        "blank_member": MemberSchema(_NOBODY, "member", "", None, 0),
    }


def _line(event: Event | None = None) -> Line:
    message = MessageSchema(
        id=0,
        conversation_id=0,
        seq=0,
        version=0,
        client_id="",
        kind="system" if event else "text",
        sender=_NOBODY,
        body="",
        body_html="",
        mentions=[],
        reply_to=None,
        forwarded_from=None,
        attachments=[],
        reactions=[],
        pinned=False,
        created_at="",
        edited_at=None,
        deleted_at=None,
        event=None,
    )
    return Line(message, _NEVER, Place(False, False, False), reactions=[ReactionLine("", 0, False)], event=event)


def _row() -> Row:
    mine = MineSchema("member", 0, 0, 0, False, "all", False, False, "", 0)
    conversation = ConversationSchema(
        id=0,
        kind="direct",
        title="",
        description="",
        announcement="",
        avatar_url=None,
        owner_id=None,
        member_count=0,
        members_may_add=False,
        members_may_pin=False,
        revisions_visible=False,
        peer=_NOBODY,
        last_seq=0,
        version=0,
        last_message=None,
        created_at="",
        mine=mine,
    )
    return Row(conversation, mine, "", _NEVER, "", None, "", "")
