"""Links into a group: made, listed, taken back; and coming in by one."""

from __future__ import annotations

from chat import actions, selectors
from chat.actions.invites import preview
from chat.api.base import Door, answer, does, done, lists, says
from chat.schemas import ConversationSchema
from chat.selectors import InvitePreviewSchema, InviteSchema
from chat.serializers import InviteSerializer
from messenger.api import page


class Invites(Door):
    @lists(InviteSchema, "Links into a group that work, newest first; members see their own")
    def list(self, request, conversation_id: int):
        return page(request, selectors.list_invites(self.person_id, conversation_id))

    @says(InviteSchema, "Make a link into a group", created="A new link.", request=InviteSerializer)
    def create(self, request, conversation_id: int):
        return answer(actions.make_invite(self.person_id, conversation_id, **self.given(InviteSerializer)), 201)

    @does("Take a link back")
    def destroy(self, request, conversation_id: int, invite_id: int):
        actions.revoke_invite(self.person_id, conversation_id, invite_id)
        return done()


class Join(Door):
    @says(InvitePreviewSchema, "What a link leads to")
    def retrieve(self, request, token: str):
        return answer(preview(self.person_id, token))

    @says(
        ConversationSchema,
        "Come into a group by a link",
        created="One is a member now.",
        already="One was a member already; the link was not used up.",
        request=None,
    )
    def create(self, request, token: str):
        conversation, joined = actions.join_by(self.person_id, token)
        return answer(conversation, 201 if joined else 200)
