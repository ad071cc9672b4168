"""The entries of calls in the history of a conversation: two kinds of message, `call` and `missed`.

A call that nobody answered is `missed` and counts as unread, except for its caller. A call that was answered or
declined is `call`: the other person knows of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from calls.models import Call
from chat.message_kinds import MessageKind, register_kind
from chat.schemas.attachments import format_duration

if TYPE_CHECKING:
    from chat.actions.transaction import ConversationTransaction
    from chat.schemas import MessageSchema

CALL, MISSED = "call", "missed"


def add_entry(tx: ConversationTransaction, call: Call) -> None:
    """Adds the entry of a call that has just ended."""
    content = {"call_id": str(call.pk), "media": str(call.media), "reason": str(call.reason)}
    if call.answered_at and call.ended_at:
        content["seconds"] = str(round((call.ended_at - call.answered_at).total_seconds()))
    was_noticed = call.answered_at is not None or call.reason == Call.Reason.DECLINED
    tx.add_message_of_kind(CALL if was_noticed else MISSED, call.caller, content)
    call.entry_seq = tx.conversation.last_seq


def describe_call(message: MessageSchema, is_own: bool) -> str:
    """Returns what a reader sees of a call, such as "Missed voice call". `is_own`: the reader is the caller.

    static/js/calls/call-entry.js does the same in the browser, with the same texts (`call_texts`).
    """
    text = call_texts()[text_key(message.kind, message.data or {}, is_own)]
    seconds = int((message.data or {}).get("seconds", 0))
    return f"{text} · {format_duration(seconds)}" if seconds else text


def text_key(kind: str, data: dict[str, str], is_own: bool) -> str:
    media = "video" if data.get("media") == "video" else "audio"
    if kind == MISSED:
        return f"{media}-unanswered" if is_own else f"{media}-missed"
    return f"{media}-declined" if data.get("reason") == "declined" else media


def call_texts() -> dict[str, str]:
    """Returns the texts of entries in the active language. The keys are those of `text_key`, `back` and `again`."""
    return {
        "audio": _("Voice call"),
        "video": _("Video call"),
        "audio-missed": _("Missed voice call"),
        "video-missed": _("Missed video call"),
        "audio-unanswered": _("Voice call, no answer"),
        "video-unanswered": _("Video call, no answer"),
        "audio-declined": _("Voice call, declined"),
        "video-declined": _("Video call, declined"),
        "back": _("Call back"),
        "again": _("Call again"),
    }


def register_kinds() -> None:
    template = "calls/_call_entry.html"
    register_kind(CALL, MessageKind(is_activity=True, template=template, describe=describe_call))
    register_kind(MISSED, MessageKind(is_counted=True, is_activity=True, template=template, describe=describe_call))
