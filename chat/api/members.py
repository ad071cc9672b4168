"""API views for the members of a conversation and their roles, and for searching users."""

from __future__ import annotations

from accounts.schemas import UserSchema, user_schema
from accounts.selectors import user_search
from chat import actions, selectors
from chat.schemas import MemberSchema
from chat.serializers import (
    AddMembersSerializer,
    MemberCursorField,
    MemberListQuerySerializer,
    RoleChangeSerializer,
    UserSearchQuerySerializer,
)
from messenger.rest.openapi import error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond


class MemberViewSet(ApiViewSet):
    @list_schema(
        MemberSchema,
        "List the members of a conversation: owner, admins, then by name",
        parameters=[MemberListQuerySerializer],
    )
    def list(self, request, conversation_id: int):
        query = self.validated_query(MemberListQuerySerializer)
        members, cursor = selectors.find_members(self.user_id, conversation_id, **query)
        return paginated_response(request, members, MemberCursorField.encode(cursor))

    @list_schema(MemberSchema, "Add members; returns those who were not members before", request=AddMembersSerializer)
    def create(self, request, conversation_id: int):
        user_ids = self.validated_data(AddMembersSerializer)["user_ids"]
        return paginated_response(request, actions.add_members(self.user_id, conversation_id, user_ids))

    @response_schema(MemberSchema, "Change the role of a member", request=RoleChangeSerializer)
    def partial_update(self, request, conversation_id: int, user_id: int):
        role = self.validated_data(RoleChangeSerializer)["role"]
        return respond(actions.set_role(self.user_id, conversation_id, user_id, role))

    @no_content_schema("Remove a member, or leave the group with your own id")
    def destroy(self, request, conversation_id: int, user_id: int):
        actions.remove_member(self.user_id, conversation_id, user_id)
        return no_content()


class OnlineMemberViewSet(ApiViewSet):
    @response_schema(selectors.OnlineMembersSchema, "List the members who are online")
    def list(self, request, conversation_id: int):
        return respond(selectors.list_online_members(self.user_id, conversation_id))


class UserSearchViewSet(ApiViewSet):
    @list_schema(
        UserSchema,
        "Search users to write to or to mention",
        parameters=[UserSearchQuerySerializer],
        errors=error_responses("not_found"),
    )
    def list(self, request):
        query = self.validated_query(UserSearchQuerySerializer)
        users = user_search.search_users(self.user_id, query["q"], query["conversation"], query["limit"])
        return paginated_response(request, [user_schema(user) for user in users])
