"""Tells templates which actions a page offers to a user, by the rules of chat.permissions.

The functions in `chat.actions` check the same rules again when the user chooses an action.
"""

from __future__ import annotations

from chat import permissions
from chat.schemas import ConversationSchema, MemberSchema, MessageSchema, MineSchema


class AllowedActions:
    """The actions that one user is allowed to perform in one conversation."""

    def __init__(self, conversation: ConversationSchema, role: str, user_id: int):
        self.user_id = user_id
        self.is_group = conversation.kind == "group"
        self._facts = permissions.conversation_facts(conversation, role)

    @property
    def settings(self) -> str:
        """What the group allows to all members: names of its settings, separated by spaces, for scripts."""
        return " ".join(name for name in permissions.SETTINGS if name in self._facts)

    @property
    def can_change_group(self) -> bool:
        return permissions.is_allowed("change_group", self._facts)

    @property
    def can_decide_joins(self) -> bool:
        return permissions.is_allowed("decide_joins", self._facts)

    @property
    def can_see_log(self) -> bool:
        return permissions.is_allowed("see_log", self._facts)

    @property
    def can_export(self) -> bool:
        return permissions.is_allowed("export", self._facts)

    @property
    def can_add_people(self) -> bool:
        return permissions.is_allowed("add_people", self._facts)

    @property
    def can_leave(self) -> bool:
        return permissions.is_allowed("leave", self._facts)

    @property
    def can_delete_group(self) -> bool:
        return permissions.is_allowed("delete_group", self._facts)

    @property
    def can_pin(self) -> bool:
        return permissions.is_allowed("pin", self._facts)

    def can_set_role_of(self, member: MemberSchema) -> bool:
        return permissions.is_allowed("set_role", self._facts | self._member_facts(member))

    def can_remove(self, member: MemberSchema) -> bool:
        return permissions.is_allowed("remove_member", self._facts | self._member_facts(member))

    def can(self, action: str, message: MessageSchema) -> bool:
        """Returns whether an action (a name in chat.permissions) is allowed with a message."""
        facts = permissions.message_facts(
            is_own=message.sender.id == self.user_id,
            is_forwarded=message.forwarded_from is not None,
            is_deleted=message.deleted_at is not None,
        )
        return permissions.is_allowed_with(message.kind, action, self._facts | facts)

    def _member_facts(self, member: MemberSchema) -> set[str]:
        return {f"target_{member.role}", *({"self"} if member.user.id == self.user_id else ())}


def get_allowed_actions(conversation: ConversationSchema, user_id: int) -> AllowedActions:
    """Returns what the user `user_id` may do in a conversation.

    `conversation.mine` (role, mute and other values that each member has separately) must hold the values of this user.
    """
    assert isinstance(conversation.mine, MineSchema), "the schema must include the user's own member state"
    return AllowedActions(conversation, conversation.mine.role, user_id)
