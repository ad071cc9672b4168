"""A simple model of a conversation: what the database must contain after random actions (test_stateful_model.py)."""

from __future__ import annotations

from dataclasses import dataclass, field

MENTION_NAMES = {"@ann": "ann", "@ben": "ben", "@cai": "cai", "@dot": "dot"}


@dataclass
class ExpectedMessage:
    id: int
    seq: int
    sender: str
    body: str | None  # None for a system message
    mentioned: set[str] = field(default_factory=set)
    deleted: bool = False
    is_erased: bool = False
    pinned: bool = False
    reactions: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class ExpectedConversation:
    id: int
    is_group: bool
    roles: dict[str, str]  # of current members, by user name
    messages: list[ExpectedMessage] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)
    is_deleted: bool = False
    pair: frozenset[str] = frozenset()  # both users of a direct conversation, also one for whom it does not exist yet

    members_may_add: bool = True
    members_may_pin: bool = True

    def is_leader(self, username: str) -> bool:
        return self.is_group and self.roles.get(username) in ("owner", "admin")

    def add_system_message(self, username: str) -> None:
        self.messages.append(ExpectedMessage(0, len(self.messages) + 1, username, None))

    def open_for_both(self) -> None:
        """Makes both users of a direct conversation its members, as happens when its first message is sent.

        Before, only the users who have opened the conversation are members.
        """
        for name in self.pair:
            self.roles.setdefault(name, "member")

    def resolve_mentions(self, username: str, body: str) -> set[str]:
        mentioned = {name for sign, name in MENTION_NAMES.items() if sign in body and name in self.roles}
        if "@all" in body and self.is_leader(username):
            mentioned = set(self.roles)
        return mentioned - {username}

    def unread(self, username: str) -> tuple[int, int]:
        behind = [message for message in self.messages if message.seq > self.read[username]]
        texts = [message for message in behind if message.body is not None and message.sender != username]
        return len(texts), sum(username in message.mentioned for message in behind)
