"""REST routes of conversations, below /api/v1/. One line per resource: its path, and which method does what."""

from typing import Any

from django.urls import path

from chat.api.contacts import Blocks, Contacts, Ignored
from chat.api.conversations import Conversations, Mine, Picture, Titles
from chat.api.invites import Invites, Join
from chat.api.members import Here, Members, People
from chat.api.messages import Changes, History, Mentions, Messages, Pin, Pins, Reactions
from chat.api.read_markers import Read, Receipts
from chat.api.sync import Sync
from chat.api.uploads import Files, Uploads
from messenger.core import path_converters  # noqa: F401  (registers <id:…>)

C, M = "conversations/<id:conversation_id>/", "messages/<id:message_id>/"
LIST_CREATE: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
PERSON: dict[str, Any] = {"get": "retrieve", "put": "update", "delete": "destroy"}
ON_OFF: dict[str, Any] = {"put": "update", "delete": "destroy"}

urlpatterns = [
    path("conversations/", Conversations.as_view(LIST_CREATE), name="api_conversations"),
    path("conversations/titles/", Titles.as_view({"get": "list"}), name="api_titles"),
    path(C, Conversations.as_view(ONE), name="api_conversation"),
    path(C + "mine/", Mine.as_view({"patch": "partial_update"}), name="api_mine"),
    path(C + "avatar/", Picture.as_view(ON_OFF), name="api_picture"),
    path(C + "here/", Here.as_view({"get": "list"}), name="api_here"),
    path(C + "invites/", Invites.as_view(LIST_CREATE), name="api_invites"),
    path(C + "invites/<id:invite_id>/", Invites.as_view({"delete": "destroy"}), name="api_invite"),
    path("invites/<token:token>/", Join.as_view({"get": "retrieve", "post": "create"}), name="api_join"),
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
    path(C + "files/", Files.as_view({"get": "list"}), name="api_files"),
    path("uploads/", Uploads.as_view({"post": "create"}), name="api_uploads"),
    path(
        "uploads/<token:upload_id>/",
        Uploads.as_view({"get": "retrieve", "head": "head", "put": "describe", "delete": "destroy"}),
        name="api_upload",
    ),
    path(M, Messages.as_view(ONE), name="api_message"),
    path(M + "receipts/", Messages.as_view({"get": "receipts"}), name="api_message_receipts"),
    path(M + "revisions/", Messages.as_view({"get": "revisions"}), name="api_revisions"),
    path(M + "report/", Messages.as_view({"post": "report"}), name="api_report"),
    path(M + "reactions/<str:emoji>/", Reactions.as_view(ON_OFF), name="api_reaction"),
    path(M + "pin/", Pin.as_view(ON_OFF), name="api_pin"),
    path("sync/", Sync.as_view({"post": "create"}), name="api_sync"),
    path("mentions/", Mentions.as_view({"get": "list"}), name="api_mentions"),
    path("contacts/", Contacts.as_view({"get": "list"}), name="api_contacts"),
    path("contacts/<id:user_id>/", Contacts.as_view(PERSON), name="api_contact"),
    path("contacts/<id:user_id>/ignore/", Ignored.as_view({"put": "update"}), name="api_ignore_contact"),
    path("blocks/", Blocks.as_view({"get": "list"}), name="api_blocks"),
    path("blocks/<id:user_id>/", Blocks.as_view(PERSON), name="api_block"),
    path("users/", People.as_view({"get": "list"}), name="api_users"),
]
