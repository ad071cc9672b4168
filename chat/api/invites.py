"""API views for invite links of groups: listing, creating and revoking links, and joining a group by a link."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse

from chat import actions, selectors
from chat.actions.groups.invites import preview_invite
from chat.payloads import InvitePayload
from chat.schemas import ConversationSchema
from chat.selectors import InvitePreviewSchema, InviteSchema
from messenger.rest.openapi import error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond, respond_created


class InviteViewSet(ApiViewSet):
    @list_schema(
        InviteSchema,
        "List the usable invite links of a group, newest first; members see only their own",
        errors=error_responses("forbidden"),
    )
    def list(self, request, conversation_id: int):
        return paginated_response(request, selectors.list_invites(self.user_id, conversation_id))

    @response_schema(InviteSchema, "Create an invite link", created="A new link.", request=InvitePayload)
    def create(self, request, conversation_id: int):
        payload = self.payload(InvitePayload)
        invite = actions.create_invite(
            self.user_id, conversation_id, expires_at=payload.expires_at, max_uses=payload.max_uses
        )
        return respond(invite, 201)

    @no_content_schema("Revoke an invite link")
    def destroy(self, request, conversation_id: int, invite_id: int):
        actions.revoke_invite(self.user_id, conversation_id, invite_id)
        return no_content()


class JoinByInviteViewSet(ApiViewSet):
    @response_schema(InvitePreviewSchema, "Preview the group of an invite link")
    def retrieve(self, request, token: str):
        return respond(preview_invite(self.user_id, token))

    @response_schema(
        ConversationSchema,
        "Join a group by an invite link",
        created="The user joined the group.",
        already="The user was a member already. This does not count as a use of the link.",
        request=None,
        errors={202: OpenApiResponse(InvitePreviewSchema, "The user waits until an admin of the group decides.")},
    )
    def create(self, request, token: str):
        conversation, joined = actions.join_by_invite(self.user_id, token)
        if conversation is None:
            return respond(preview_invite(self.user_id, token), 202)
        return respond_created(conversation, joined)

    @no_content_schema("Take back one's request to join a group")
    def destroy(self, request, token: str):
        actions.withdraw_request(self.user_id, token)
        return no_content()
