"""Conversations: mine, one, what all of its members share, and what is one's own about it."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.parsers import MultiPartParser

from chat import actions, selectors
from chat.api.base import Door, answer, does, done, lists, says
from chat.models import Conversation
from chat.schemas import ConversationSchema, MineSchema, TitleSchema
from chat.serializers import (
    ActivityCursor,
    ConversationChangesSerializer,
    ConversationsQuery,
    CreateGroupSerializer,
    MineChangesSerializer,
    OpenDirectSerializer,
    PictureSerializer,
)
from messenger.api import page
from messenger.core.errors import invalid

NEW = {Conversation.Kind.DIRECT.value: OpenDirectSerializer, Conversation.Kind.GROUP.value: CreateGroupSerializer}
NEW_CONVERSATION = PolymorphicProxySerializer("NewConversation", list(NEW.values()), "kind")


class Conversations(Door):
    @lists(ConversationSchema, "My conversations, newest activity first", parameters=[ConversationsQuery])
    def list(self, request):
        conversations, cursor = selectors.list_conversations(self.person_id, **self.asked(ConversationsQuery))
        return page(request, conversations, ActivityCursor.written(cursor))

    @says(
        ConversationSchema,
        "Open a direct conversation, or create a group",
        created="A new conversation.",
        already="The direct conversation that the two have already.",
        request=NEW_CONVERSATION,
    )
    def create(self, request):
        kind = request.data.get("kind")
        if not isinstance(kind, str) or kind not in NEW:
            raise invalid(kind=_("Choose direct or group."))
        new = self.given(NEW[kind])
        if kind == Conversation.Kind.GROUP:
            return answer(actions.create_group(self.person_id, new["title"], new["user_ids"]), 201)
        conversation, created = actions.open_direct(self.person_id, new["user_id"])
        return answer(conversation, 201 if created else 200)

    @says(ConversationSchema, "One conversation")
    def retrieve(self, request, conversation_id: int):
        return answer(selectors.get_conversation(self.person_id, conversation_id))

    @says(ConversationSchema, "Change a group", request=ConversationChangesSerializer(partial=True))
    def partial_update(self, request, conversation_id: int):
        changes = self.given(ConversationChangesSerializer, partial=True)
        return answer(actions.update(self.person_id, conversation_id, changes))

    @does("Delete a group, for everybody")
    def destroy(self, request, conversation_id: int):
        actions.delete_group(self.person_id, conversation_id)
        return done()


class Titles(Door):
    @lists(TitleSchema, "What all my conversations are called, newest activity first: for finding one by its name")
    def list(self, request):
        return page(request, selectors.list_titles(self.person_id))


class Picture(Door):
    parser_classes = (MultiPartParser,)

    @says(ConversationSchema, "Give a group a picture", request={"multipart/form-data": PictureSerializer})
    def update(self, request, conversation_id: int):
        upload = request.FILES.get("avatar")
        if upload is None:
            raise invalid(avatar=_("A file is expected here, as multipart/form-data."))
        return answer(actions.set_picture(self.person_id, conversation_id, upload, upload.size))

    @says(ConversationSchema, "Take a group's picture away")
    def destroy(self, request, conversation_id: int):
        return answer(actions.remove_picture(self.person_id, conversation_id))


class Mine(Door):
    @says(MineSchema, "Change what is my own about a conversation", request=MineChangesSerializer(partial=True))
    def partial_update(self, request, conversation_id: int):
        changes = self.given(MineChangesSerializer, partial=True)
        return answer(actions.set_mine(self.person_id, conversation_id, changes))
