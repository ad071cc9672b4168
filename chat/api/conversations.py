"""API views for conversations: list, create, change and delete them.

They also change what a conversation stores for the current user only (muted, archived, …).
"""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.parsers import MultiPartParser

from chat import actions, selectors
from chat.cursors import encode_cursor, parse_activity_cursor
from chat.payloads import (
    ConversationChangesPayload,
    ConversationListQuery,
    CreateGroupPayload,
    MineChangesPayload,
    OpenDirectPayload,
    PicturePayload,
)
from chat.schemas import ConversationSchema, MineSchema, TitleSchema
from messenger.core.errors import invalid
from messenger.rest.inputs import serializer_for_input
from messenger.rest.openapi import error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond, respond_created

NEW_CONVERSATION = PolymorphicProxySerializer(
    "NewConversation",
    {"direct": serializer_for_input(OpenDirectPayload), "group": serializer_for_input(CreateGroupPayload)},
    "kind",
)


class ConversationViewSet(ApiViewSet):
    @list_schema(
        ConversationSchema,
        "List my conversations, newest activity first",
        parameters=[ConversationListQuery],
    )
    def list(self, request):
        query = self.query(ConversationListQuery)
        conversations, cursor = selectors.list_conversations(
            self.user_id, before=parse_activity_cursor(query.before), limit=query.limit
        )
        return paginated_response(request, conversations, encode_cursor(cursor))

    @response_schema(
        ConversationSchema,
        "Open a direct conversation, or create a group",
        created="A new conversation.",
        already="The existing direct conversation of the two users.",
        errors=error_responses("not_found"),
        request=NEW_CONVERSATION,
    )
    def create(self, request):
        match request.data.get("kind"):
            case "direct":
                user_id = self.payload(OpenDirectPayload).user_id
                conversation, created = actions.open_direct_conversation(self.user_id, user_id)
                return respond_created(conversation, created)
            case "group":
                group = self.payload(CreateGroupPayload)
                return respond(actions.create_group(self.user_id, group.title, group.user_ids), 201)
        raise invalid(kind=_("Choose direct or group."))

    @response_schema(ConversationSchema, "Get one conversation")
    def retrieve(self, request, conversation_id: int):
        return respond(selectors.get_conversation(self.user_id, conversation_id))

    @response_schema(ConversationSchema, "Change a group", request=ConversationChangesPayload)
    def partial_update(self, request, conversation_id: int):
        changes = self.changes(ConversationChangesPayload)
        return respond(actions.update_group(self.user_id, conversation_id, changes))

    @no_content_schema("Delete a group for all members")
    def destroy(self, request, conversation_id: int):
        actions.delete_group(self.user_id, conversation_id)
        return no_content()


class ConversationTitleViewSet(ApiViewSet):
    @list_schema(TitleSchema, "List the titles of all my conversations, newest activity first, for a search by title")
    def list(self, request):
        return paginated_response(request, selectors.list_conversation_titles(self.user_id))


class GroupAvatarViewSet(ApiViewSet):
    parser_classes = (MultiPartParser,)

    @response_schema(ConversationSchema, "Set the avatar of a group", request={"multipart/form-data": PicturePayload})
    def update(self, request, conversation_id: int):
        upload = request.FILES.get("avatar")
        if upload is None:
            raise invalid(avatar=_("Upload the file as multipart/form-data."))
        return respond(actions.set_group_avatar(self.user_id, conversation_id, upload, upload.size))

    @response_schema(ConversationSchema, "Remove the avatar of a group")
    def destroy(self, request, conversation_id: int):
        return respond(actions.remove_group_avatar(self.user_id, conversation_id))


class MemberStateViewSet(ApiViewSet):
    @response_schema(
        MineSchema,
        "Change my own state in a conversation: mute, archive, draft and others",
        request=MineChangesPayload,
    )
    def partial_update(self, request, conversation_id: int):
        changes = self.changes(MineChangesPayload)
        return respond(actions.update_member_state(self.user_id, conversation_id, changes))
