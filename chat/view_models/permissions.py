"""What a page offers to do. Whether it may be done is the verb's to say."""

from __future__ import annotations

from dataclasses import dataclass

from chat.schemas import ConversationSchema, MemberSchema, MessageSchema, MineSchema


@dataclass(frozen=True, slots=True)
class Offers:
    """In one conversation, to one person."""

    me: int
    role: str
    group: bool
    add: bool
    pin: bool
    revisions: bool

    @property
    def leads(self) -> bool:
        return self.group and self.role in ("owner", "admin")

    @property
    def owns(self) -> bool:
        return self.group and self.role == "owner"

    def edit(self, message: MessageSchema) -> bool:
        return self.mine(message) and self.alive(message)

    def delete(self, message: MessageSchema) -> bool:
        return self.alive(message) and (self.leads or self.mine(message))

    def report(self, message: MessageSchema) -> bool:
        return self.alive(message) and not self.mine(message)

    def see_revisions(self, message: MessageSchema) -> bool:
        return bool(message.edited_at) and (self.revisions or self.mine(message))

    def remove(self, member: MemberSchema) -> bool:
        if member.user.id == self.me:
            return False
        return self.owns or (self.leads and member.role == "member")

    def mine(self, message: MessageSchema) -> bool:
        return message.sender.id == self.me

    @staticmethod
    def alive(message: MessageSchema) -> bool:
        return message.kind == "text" and message.deleted_at is None


def offers(conversation: ConversationSchema, me: int) -> Offers:
    assert isinstance(conversation.mine, MineSchema), "rights are somebody's own"
    role = conversation.mine.role
    group = conversation.kind == "group"
    leads = group and role in ("owner", "admin")
    return Offers(
        me=me,
        role=role,
        group=group,
        add=group and (leads or conversation.members_may_add),
        pin=not group or leads or conversation.members_may_pin,
        revisions=not group or leads or conversation.revisions_visible,
    )
