"""A client that believes nothing but the protocol: it applies events by the rule of versions, and asks on a hole.

What it holds after any news must be what a fresh load shows. This is the guard of every verb, and of every fault test.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

Row = dict[str, Any]


class Replica:
    def __init__(self, user_id: int):
        self.user_id = user_id
        self.conversations: dict[int, Row] = {}
        self.messages: dict[int, dict[int, Row]] = {}
        self.members: dict[int, dict[int, Row]] = {}
        self.versions: dict[int, int] = {}
        self.me_version = 0
        self.behind: set[int] = set()  # conversations with a hole, until `sync`
        self.me_behind = False
        self.heard: list[Row] = []
        self.mentioned: list[int] = []
        self.quoting: dict[int, set[int]] = {}  # message id: seqs of the messages that quote it
        self.contacts: dict[int, Row] = {}  # what people are to this person, by their ids; who is nothing is left out
        self.came: set[int] = set()  # conversations that came since loading: their history is a page away

    # ── Events ──
    def hear(self, frame: Row) -> None:
        self.heard.append(frame)
        kind, payload = frame["type"], frame["payload"]
        apply = getattr(self, "_" + kind.replace(".", "_"), None)
        if apply is None:
            return
        if "after" in payload:
            self._in_order(payload["conversation_id"], payload["after"], payload["version"], lambda: apply(payload))
        else:
            apply(payload)

    def _in_order(self, conversation_id: int, after: int, version: int, apply) -> None:
        known = self.versions.get(conversation_id)
        if known is None or version <= known:
            return
        if after > known:
            self.behind.add(conversation_id)
            return
        apply()
        self.versions[conversation_id] = version
        if conversation_id in self.conversations:
            self.conversations[conversation_id]["version"] = version

    def _message_created(self, payload: Row) -> None:
        self._put_message(payload["message"])

    _message_updated = _message_created

    def _put_message(self, message: Row) -> None:
        conversation = self.conversations[message["conversation_id"]]
        messages = self.messages[message["conversation_id"]]
        new = message["seq"] > conversation["last_seq"]
        messages[message["seq"]] = message
        if message["reply_to"]:
            self.quoting.setdefault(message["reply_to"]["id"], set()).add(message["seq"])
        quoting = [messages[seq] for seq in self.quoting.get(message["id"], ()) if seq in messages]
        for other in [*quoting, conversation["last_message"]]:  # stubs that quote it are redrawn
            if other and other["reply_to"] and other["reply_to"]["id"] == message["id"]:
                other["reply_to"].update(
                    excerpt="" if message["deleted_at"] else _excerpt(message["body"]),
                    deleted=message["deleted_at"] is not None,
                )
        if new:
            conversation["last_seq"] = message["seq"]
        last = conversation["last_message"]
        if message["kind"] == "text" and (last is None or message["seq"] >= last["seq"]):
            conversation["last_message"] = message
        if new and message["kind"] == "text":
            mine = conversation["mine"]
            if message["sender"]["id"] == self.user_id:
                mine.update(unread_count=0, unread_mention_count=0, read_seq=message["seq"])
            else:
                mine["unread_count"] += 1
                mine["unread_mention_count"] += self._names_me(message)

    def _names_me(self, message: Row) -> int:
        return int(any(mention["user_id"] in (self.user_id, None) for mention in message["mentions"]))

    def _conversation_updated(self, payload: Row) -> None:
        own = self.conversations[payload["conversation_id"]]
        shared = {name: value for name, value in payload["conversation"].items() if name not in ("mine", "peer")}
        own.update(shared)

    def _member_updated(self, payload: Row) -> None:
        self._put_member(payload["conversation_id"], payload["member"])

    def _put_member(self, conversation_id: int, member: Row) -> None:
        members = self.members[conversation_id]
        user = member["user"]
        if member["left_at"]:
            members.pop(user["id"], None)
        else:
            members[user["id"]] = member
        # A name or a picture that changed is seen wherever its person stands.
        conversation = self.conversations[conversation_id]
        if conversation["peer"] and conversation["peer"]["id"] == user["id"]:
            conversation["peer"] = user
        for message in [*self.messages[conversation_id].values(), conversation["last_message"]]:
            if message is None:
                continue
            if message["sender"]["id"] == user["id"]:
                message["sender"] = user
            if message["reply_to"] and message["reply_to"]["sender"]["id"] == user["id"]:
                message["reply_to"]["sender"] = user

    # ── Personal ──
    def _personal(self, me_version: int) -> bool:
        if me_version <= self.me_version:
            return False
        if me_version > self.me_version + 1:
            self.me_behind = True
            return False
        self.me_version = me_version
        return True

    def _conversation_added(self, payload: Row) -> None:
        if self._personal(payload["me_version"]):
            self._put_conversation(payload["conversation"])

    def _put_conversation(self, conversation: Row) -> None:
        if conversation["id"] not in self.conversations:
            self.came.add(conversation["id"])
        self.conversations[conversation["id"]] = conversation
        self.versions[conversation["id"]] = conversation["version"]
        self.messages.setdefault(conversation["id"], {})
        self.members.setdefault(conversation["id"], {})

    def _conversation_removed(self, payload: Row) -> None:
        if self._personal(payload["me_version"]):
            self.drop(payload["conversation_id"])

    def drop(self, conversation_id: int) -> None:
        for held in (self.conversations, self.versions, self.messages, self.members):
            held.pop(conversation_id, None)

    def _mine_updated(self, payload: Row) -> None:
        if self._personal(payload["me_version"]) and payload["conversation_id"] in self.conversations:
            self.conversations[payload["conversation_id"]]["mine"] = payload["mine"]

    def _me_updated(self, payload: Row) -> None:
        self._personal(payload["me_version"])

    def _contact_updated(self, payload: Row) -> None:
        if self._personal(payload["me_version"]):
            self._put_contact(payload["contact"])

    def _put_contact(self, contact: Row) -> None:
        self.contacts.pop(contact["user"]["id"], None)
        if contact["state"] != "none" or contact["blocked"]:
            self.contacts[contact["user"]["id"]] = contact

    def _mention(self, payload: Row) -> None:
        self.mentioned.append(payload["message"]["id"])

    # ── Catching up ──
    def sync_payload(self) -> Row:
        return {"cursors": {str(cid): version for cid, version in self.versions.items()}, "me": self.me_version}

    def caught_up(self, answer: Row) -> bool:
        """Apply a `sync` answer. True when nothing is left to ask."""
        for each in answer["conversations"]:
            conversation_id = each["conversation_id"]
            if each["conversation"] is not None and conversation_id not in self.conversations:
                self._put_conversation(each["conversation"])
                continue
            rows: list[tuple[int, str, Row]] = [(row["version"], "message", row) for row in each["messages"]]
            rows += [(row["version"], "member", row) for row in each["members"]]
            for _, kind, row in sorted(rows, key=lambda row: row[0]):
                if kind == "message":
                    self._put_message(row)
                else:
                    self._put_member(conversation_id, row)
            if each["conversation"] is not None:
                self.conversations[conversation_id] = each["conversation"]
            self.conversations[conversation_id]["version"] = each["version"]
            self.versions[conversation_id] = each["version"]
        for entry in answer["mine"]:
            if entry["conversation_id"] in self.conversations:
                self.conversations[entry["conversation_id"]]["mine"] = entry["mine"]
        for contact in answer["contacts"]:
            self._put_contact(contact)
        for conversation_id in answer["removed"]:
            self.drop(conversation_id)
        self.me_version = max(self.me_version, answer["me_version"])
        if answer["complete"]:
            self.behind.clear()
            self.me_behind = False
        return answer["complete"]

    # ── What it shows ──
    def bodies(self, conversation_id: int) -> list[str]:
        messages = self.messages.get(conversation_id, {})
        return [messages[seq]["body"] for seq in sorted(messages) if messages[seq]["kind"] == "text"]

    def agrees_with(self, fresh: Row) -> None:
        """Raises AssertionError where this shows anything else than a fresh load does."""
        shown, fresh = self.state(), dict(fresh)
        assert shown.pop("contacts") == fresh.pop("contacts")
        assert shown.keys() == fresh.keys()
        for cid, expected in fresh.items():
            assert shown[cid]["conversation"] == expected["conversation"], (
                shown[cid]["conversation"],
                expected["conversation"],
            )
            if cid in self.came:
                assert all(message in expected["messages"] for message in shown[cid]["messages"])
                assert all(member in expected["members"] for member in shown[cid]["members"])
            else:
                assert shown[cid] == expected

    def state(self) -> Row:
        conversations = {
            cid: {
                "conversation": _comparable(conversation),
                "messages": [self.messages[cid][seq] for seq in sorted(self.messages[cid])],
                "members": _by_id(self.members[cid].values()),
            }
            for cid, conversation in sorted(self.conversations.items())
        }
        return {**conversations, "contacts": dict(sorted(self.contacts.items()))}


def fresh(user_id: int) -> Row:
    """What a fresh load shows of everything, read through the doors' own look-ups. Synchronous."""
    return loaded(user_id).state()


def loaded(user_id: int) -> Replica:
    """A replica as a page is after loading: to be followed by events."""
    from accounts.schemas import contact_schema
    from accounts.selectors import contact_lists
    from chat import selectors

    replica = Replica(user_id)
    _, replica.me_version = selectors.list_versions(user_id)
    for shape in selectors.list_conversations(user_id, limit=1000)[0]:
        replica._put_conversation(_builtins(shape))
        before = None
        while True:
            page = selectors.get_history(user_id, shape.id, before=before, limit=100)
            for message in page.results:
                replica.messages[shape.id][message.seq] = _builtins(message)
                if message.reply_to:
                    replica.quoting.setdefault(message.reply_to.id, set()).add(message.seq)
            if not page.has_before:
                break
            before = page.results[0].seq
        for member in selectors.list_members(user_id, shape.id):
            replica.members[shape.id][member.user.id] = _builtins(member)
    for tie in [
        *(tie for part in contact_lists.list_contacts(user_id) for tie in part),
        *contact_lists.list_blocked(user_id),
    ]:
        replica._put_contact(_builtins(contact_schema(tie)))
    replica.came.clear()
    return replica


def _builtins(shape: Any) -> Row:
    return msgspec.json.decode(msgspec.json.encode(shape))


def _comparable(conversation: Row) -> Row:
    mine = {name: value for name, value in conversation["mine"].items() if name != "me_version"}
    return {**conversation, "mine": mine}


def _by_id(members: Iterable[Row]) -> list[Row]:
    return sorted(members, key=lambda member: member["user"]["id"])


def _excerpt(body: str) -> str:
    line = " ".join(body.split())
    return line if len(line) <= 120 else line[:119] + "…"
