"""REST routes of conversations, below /api/v1/. One line per resource: its path, and which method does what."""

from typing import Any

from django.urls import path

from chat.api.conversations import Conversations, Mine
from chat.api.marks import Read, Receipts
from chat.api.members import Members, People
from chat.api.messages import Changes, History, Mentions, Messages, Pin, Pins, Reactions
from messenger import paths  # noqa: F401  (registers <id:…>)

C, M = "conversations/<id:conversation_id>/", "messages/<id:message_id>/"
LIST_CREATE: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
ON_OFF: dict[str, Any] = {"put": "update", "delete": "destroy"}

urlpatterns = [
    path("conversations/", Conversations.as_view(LIST_CREATE), name="api_conversations"),
    path(C, Conversations.as_view(ONE), name="api_conversation"),
    path(C + "mine/", Mine.as_view({"patch": "partial_update"}), name="api_mine"),
    path(C + "members/", Members.as_view(LIST_CREATE), name="api_members"),
    path(
        C + "members/<id:user_id>/",
        Members.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="api_member",
    ),
    path(C + "messages/", History.as_view(LIST_CREATE), name="api_messages"),
    path(C + "changes/", Changes.as_view({"get": "list"}), name="api_changes"),
    path(C + "read/", Read.as_view({"post": "create"}), name="api_read"),
    path(C + "receipts/", Receipts.as_view({"get": "list"}), name="api_receipts"),
    path(C + "pins/", Pins.as_view({"get": "list"}), name="api_pins"),
    path(M, Messages.as_view(ONE), name="api_message"),
    path(M + "receipts/", Messages.as_view({"get": "receipts"}), name="api_message_receipts"),
    path(M + "revisions/", Messages.as_view({"get": "revisions"}), name="api_revisions"),
    path(M + "report/", Messages.as_view({"post": "report"}), name="api_report"),
    path(M + "reactions/<str:emoji>/", Reactions.as_view(ON_OFF), name="api_reaction"),
    path(M + "pin/", Pin.as_view(ON_OFF), name="api_pin"),
    path("mentions/", Mentions.as_view({"get": "list"}), name="api_mentions"),
    path("users/", People.as_view({"get": "list"}), name="api_users"),
]
