"""API views for the members of a conversation and their roles, and for searching users."""

from __future__ import annotations

from accounts.schemas import UserSchema, user_schema
from accounts.selectors import user_search
from chat import actions, selectors
from chat.cursors import encode_cursor, parse_member_cursor
from chat.payloads import AddMembersPayload, MemberListQuery, MemberMutePayload, RoleChangePayload, UserSearchQuery
from chat.schemas import MemberSchema
from messenger.rest.openapi import error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond


class MemberViewSet(ApiViewSet):
    @list_schema(
        MemberSchema,
        "List the members of a conversation: owner, admins, then by name",
        parameters=[MemberListQuery],
    )
    def list(self, request, conversation_id: int):
        query = self.query(MemberListQuery)
        members, cursor = selectors.find_members(
            self.user_id,
            conversation_id,
            q=query.q,
            user_ids=query.user_ids,
            before=parse_member_cursor(query.before),
            limit=query.limit,
        )
        return paginated_response(request, members, encode_cursor(cursor))

    @list_schema(MemberSchema, "Add members; returns those who were not members before", request=AddMembersPayload)
    def create(self, request, conversation_id: int):
        user_ids = self.payload(AddMembersPayload).user_ids
        return paginated_response(request, actions.add_members(self.user_id, conversation_id, user_ids))

    @response_schema(MemberSchema, "Change the role of a member", request=RoleChangePayload)
    def partial_update(self, request, conversation_id: int, user_id: int):
        role = self.payload(RoleChangePayload).role
        return respond(actions.set_role(self.user_id, conversation_id, user_id, role))

    @response_schema(MemberSchema, "Mute a member of a group for a time, or end it", request=MemberMutePayload)
    def mute(self, request, conversation_id: int, user_id: int):
        seconds = self.payload(MemberMutePayload).seconds
        return respond(actions.mute_member(self.user_id, conversation_id, user_id, seconds))

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
        parameters=[UserSearchQuery],
        errors=error_responses("not_found"),
    )
    def list(self, request):
        query = self.query(UserSearchQuery)
        users = user_search.search_users(self.user_id, query.q, query.conversation, query.limit)
        return paginated_response(request, [user_schema(user) for user in users])
