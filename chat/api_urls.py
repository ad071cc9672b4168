"""URLs of the REST API of chat, below /api/v1/.

Each entry has a path, and the method of the view set that handles each HTTP method.
"""

from typing import Any

from django.urls import path

from chat.api.contacts import BlockViewSet, ContactViewSet, IgnoredRequestViewSet, UserReportViewSet
from chat.api.conversation_export import ConversationExportViewSet
from chat.api.conversations import ConversationTitleViewSet, ConversationViewSet, GroupAvatarViewSet, MemberStateViewSet
from chat.api.group_log import GroupLogViewSet
from chat.api.invites import InviteViewSet, JoinByInviteViewSet
from chat.api.join_requests import JoinRequestViewSet
from chat.api.members import MemberViewSet, OnlineMemberViewSet, UserSearchViewSet
from chat.api.messages import (
    ChangesViewSet,
    ConversationMessageViewSet,
    MentionViewSet,
    MessageViewSet,
    PinnedMessageViewSet,
    PinViewSet,
    ReactionViewSet,
)
from chat.api.read_markers import ReadMarkerViewSet, ReceiptViewSet
from chat.api.search import SearchViewSet
from chat.api.sync import SyncViewSet
from chat.api.uploads import ConversationFileViewSet, UploadViewSet
from messenger.core import path_converters  # noqa: F401  (registers <id:…>)

CONVERSATION, MESSAGE = "conversations/<id:conversation_id>/", "messages/<id:message_id>/"
LIST_CREATE: dict[str, Any] = {"get": "list", "post": "create"}
RETRIEVE_UPDATE_DESTROY: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
RETRIEVE_PUT_DESTROY: dict[str, Any] = {"get": "retrieve", "put": "update", "delete": "destroy"}
PUT_DESTROY: dict[str, Any] = {"put": "update", "delete": "destroy"}

urlpatterns = [
    path("conversations/", ConversationViewSet.as_view(LIST_CREATE), name="api_conversations"),
    path("conversations/titles/", ConversationTitleViewSet.as_view({"get": "list"}), name="api_titles"),
    path(CONVERSATION, ConversationViewSet.as_view(RETRIEVE_UPDATE_DESTROY), name="api_conversation"),
    path(CONVERSATION + "mine/", MemberStateViewSet.as_view({"patch": "partial_update"}), name="api_mine"),
    path(CONVERSATION + "avatar/", GroupAvatarViewSet.as_view(PUT_DESTROY), name="api_picture"),
    path(CONVERSATION + "here/", OnlineMemberViewSet.as_view({"get": "list"}), name="api_here"),
    path(CONVERSATION + "invites/", InviteViewSet.as_view(LIST_CREATE), name="api_invites"),
    path(CONVERSATION + "invites/<id:invite_id>/", InviteViewSet.as_view({"delete": "destroy"}), name="api_invite"),
    path(
        "invites/<token:token>/",
        JoinByInviteViewSet.as_view({"get": "retrieve", "post": "create", "delete": "destroy"}),
        name="api_join",
    ),
    path(CONVERSATION + "join-requests/", JoinRequestViewSet.as_view({"get": "list"}), name="api_join_requests"),
    path(
        CONVERSATION + "join-requests/<id:user_id>/",
        JoinRequestViewSet.as_view(PUT_DESTROY),
        name="api_join_request",
    ),
    path(CONVERSATION + "members/", MemberViewSet.as_view(LIST_CREATE), name="api_members"),
    path(
        CONVERSATION + "members/<id:user_id>/",
        MemberViewSet.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="api_member",
    ),
    path(CONVERSATION + "messages/", ConversationMessageViewSet.as_view(LIST_CREATE), name="api_messages"),
    path(CONVERSATION + "changes/", ChangesViewSet.as_view({"get": "list"}), name="api_changes"),
    path(CONVERSATION + "read/", ReadMarkerViewSet.as_view({"post": "create"}), name="api_read"),
    path(CONVERSATION + "receipts/", ReceiptViewSet.as_view({"get": "list"}), name="api_receipts"),
    path(CONVERSATION + "pins/", PinnedMessageViewSet.as_view({"get": "list"}), name="api_pins"),
    path(CONVERSATION + "files/", ConversationFileViewSet.as_view({"get": "list"}), name="api_files"),
    path("uploads/", UploadViewSet.as_view({"post": "create"}), name="api_uploads"),
    path(
        "uploads/<token:upload_id>/",
        UploadViewSet.as_view({"get": "retrieve", "head": "head", "put": "describe", "delete": "destroy"}),
        name="api_upload",
    ),
    path(
        "conversations/<id:conversation_id>/members/<id:user_id>/mute/",
        MemberViewSet.as_view({"put": "mute"}),
        name="api_mute_member",
    ),
    path(
        CONVERSATION + "export/",
        ConversationExportViewSet.as_view({"get": "retrieve", "post": "create"}),
        name="api_conversation_export",
    ),
    path("conversations/<id:conversation_id>/log/", GroupLogViewSet.as_view({"get": "list"}), name="api_group_log"),
    path(MESSAGE, MessageViewSet.as_view(RETRIEVE_UPDATE_DESTROY), name="api_message"),
    path(MESSAGE + "receipts/", MessageViewSet.as_view({"get": "receipts"}), name="api_message_receipts"),
    path(MESSAGE + "revisions/", MessageViewSet.as_view({"get": "revisions"}), name="api_revisions"),
    path(MESSAGE + "report/", MessageViewSet.as_view({"post": "report"}), name="api_report"),
    path(MESSAGE + "reactions/<str:emoji>/", ReactionViewSet.as_view(PUT_DESTROY), name="api_reaction"),
    path(MESSAGE + "pin/", PinViewSet.as_view(PUT_DESTROY), name="api_pin"),
    path("sync/", SyncViewSet.as_view({"post": "create"}), name="api_sync"),
    path("mentions/", MentionViewSet.as_view({"get": "list"}), name="api_mentions"),
    path("contacts/", ContactViewSet.as_view({"get": "list"}), name="api_contacts"),
    path("contacts/<id:user_id>/", ContactViewSet.as_view(RETRIEVE_PUT_DESTROY), name="api_contact"),
    path("contacts/<id:user_id>/ignore/", IgnoredRequestViewSet.as_view({"put": "update"}), name="api_ignore_contact"),
    path("blocks/", BlockViewSet.as_view({"get": "list"}), name="api_blocks"),
    path("blocks/<id:user_id>/", BlockViewSet.as_view(RETRIEVE_PUT_DESTROY), name="api_block"),
    path("search/", SearchViewSet.as_view({"get": "list"}), name="api_search"),
    path("users/<id:user_id>/report/", UserReportViewSet.as_view({"post": "create"}), name="api_report_user"),
    path("users/", UserSearchViewSet.as_view({"get": "list"}), name="api_users"),
]
