"""API view of the people who wait until an admin lets them into a group."""

from __future__ import annotations

from chat import actions, selectors
from chat.payloads import JoinRequestQuery
from chat.schemas import MemberSchema
from chat.selectors import JoinRequestSchema
from messenger.rest.openapi import error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond


class JoinRequestViewSet(ApiViewSet):
    @list_schema(
        JoinRequestSchema,
        "List the people who wait to join a group, newest first; owner and admins only",
        parameters=[JoinRequestQuery],
        errors=error_responses("forbidden"),
    )
    def list(self, request, conversation_id: int):
        before = self.query(JoinRequestQuery).before
        return paginated_response(request, *selectors.list_join_requests(self.user_id, conversation_id, before))

    @response_schema(
        MemberSchema,
        "Let a person who waits into the group; harmless if another admin was faster",
        request=None,
        errors=error_responses(conflict="`conflict`: the invite link of this person is used up."),
    )
    def update(self, request, conversation_id: int, user_id: int):
        return respond(actions.approve_request(self.user_id, conversation_id, user_id))

    @no_content_schema("Decline a request to join a group")
    def destroy(self, request, conversation_id: int, user_id: int):
        actions.decline_request(self.user_id, conversation_id, user_id)
        return no_content()
