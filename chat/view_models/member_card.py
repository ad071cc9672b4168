"""View model of the card that shows one member of a conversation to another user (the viewer).

It has the profile, whether the member is online, the groups that both share, and what the viewer may do with the
member, such as removing the member from the group.
"""

from __future__ import annotations

from django.utils import timezone

from accounts.models import User
from accounts.selectors import users
from chat import selectors
from chat.schemas import ConversationSchema, MemberSchema
from chat.view_models.allowed_actions import get_allowed_actions
from messenger.core.timestamps import format_timestamp
from presence.tracker import get_tracker
from presence.visibility import list_visible_presence


class MemberCard:
    """The data on the card of the member `member`: only what the user `viewer` may see."""

    def __init__(self, viewer: User, conversation: ConversationSchema, member: MemberSchema):
        user = users.find_user(member.user.id)
        assert user is not None  # rows of deleted accounts stay
        self.member = member
        self.user = user
        self.is_me = user.pk == viewer.pk
        allowed = get_allowed_actions(conversation, viewer.pk)
        self.is_blocked = user.pk in viewer.blocked_ids
        self.in_group = allowed.is_group
        self.can_remove = allowed.can_remove(member)
        self.is_muted = (member.muted_until or "") > format_timestamp(timezone.now())
        self.can_change_role = allowed.can_set_role_of(member)
        online = get_tracker().get_online_users([user.pk])
        (self.presence,) = list_visible_presence(viewer, [user.pk], online)
        can_be_written_to = user.is_active and not self.is_me
        self.refusal = selectors.find_message_refusals(viewer.pk, [user]).get(user.pk) if can_be_written_to else None
        memberships, self.shared_count = selectors.list_shared_groups(viewer.pk, user.pk) if not self.is_me else ([], 0)
        self.shared_groups = [membership.conversation for membership in memberships]

    @property
    def omitted_group_count(self) -> int:
        return self.shared_count - len(self.shared_groups)
