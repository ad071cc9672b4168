"""Decides which actions a page offers to a user in its menus.

The functions in `chat.actions` check the permission again when the user chooses an action.
"""

from __future__ import annotations

from dataclasses import dataclass

from chat.schemas import ConversationSchema, MemberSchema, MessageSchema, MineSchema


@dataclass(frozen=True, slots=True)
class AllowedActions:
    """The actions that one user is allowed to perform in one conversation."""

    user_id: int
    role: str
    is_group: bool
    can_add_members: bool
    can_pin: bool
    can_view_all_revisions: bool
    member_permissions: str  # for scripts: what every member may do, such as "add pin revisions"

    @property
    def is_admin(self) -> bool:
        """True if the conversation is a group and the user has the role owner or admin in it."""
        return self.is_group and self.role in ("owner", "admin")

    @property
    def is_owner(self) -> bool:
        return self.is_group and self.role == "owner"

    def can_edit(self, message: MessageSchema) -> bool:
        return self._is_own(message) and self.is_live(message)

    def can_delete(self, message: MessageSchema) -> bool:
        return self.is_live(message) and (self.is_admin or self._is_own(message))

    def can_report(self, message: MessageSchema) -> bool:
        return self.is_live(message) and not self._is_own(message)

    def can_view_revisions(self, message: MessageSchema) -> bool:
        return bool(message.edited_at) and (self.can_view_all_revisions or self._is_own(message))

    def can_remove(self, member: MemberSchema) -> bool:
        if member.user.id == self.user_id:
            return False
        return self.is_owner or (self.is_admin and member.role == "member")

    def _is_own(self, message: MessageSchema) -> bool:
        return message.sender.id == self.user_id

    @staticmethod
    def is_live(message: MessageSchema) -> bool:
        """Returns True if `message` is a text message (not a system message) and is not deleted."""
        return message.kind == "text" and message.deleted_at is None


def get_allowed_actions(conversation: ConversationSchema, user_id: int) -> AllowedActions:
    """Returns what the user `user_id` may do in a conversation.

    `conversation.mine` (role, mute and other values that each member has separately) must hold the values of this user.
    """
    assert isinstance(conversation.mine, MineSchema), "the schema must include the user's own member state"
    role = conversation.mine.role
    is_group = conversation.kind == "group"
    is_admin = is_group and role in ("owner", "admin")
    settings = {
        "add": conversation.members_may_add,
        "pin": conversation.members_may_pin,
        "revisions": conversation.revisions_visible,
    }
    return AllowedActions(
        user_id=user_id,
        role=role,
        is_group=is_group,
        can_add_members=is_group and (is_admin or conversation.members_may_add),
        can_pin=not is_group or is_admin or conversation.members_may_pin,
        can_view_all_revisions=not is_group or is_admin or conversation.revisions_visible,
        member_permissions=" ".join(name for name, is_allowed in settings.items() if is_allowed),
    )
