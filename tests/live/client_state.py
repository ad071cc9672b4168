"""A simulated client for tests: it applies events (descriptions of changes) to its state, as the protocol requires.

Each change of a conversation has the next version number, so the client notices when an event is missing. The state of
the client must always equal the state that a new client loads from the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

Row = dict[str, Any]

COUNTED = ("text", "missed")  # kinds of message that count as unread
ACTIVITY = ("text", "call", "missed")  # kinds that move a conversation to the top of the list


class ClientState:
    """The conversations, messages, members and contacts that one client has loaded or received in events."""

    def __init__(self, user_id: int):
        self.user_id = user_id
        self.conversations: dict[int, Row] = {}
        self.messages: dict[int, dict[int, Row]] = {}
        self.members: dict[int, dict[int, Row]] = {}
        self.versions: dict[int, int] = {}
        self.me_version = 0
        self.conversations_behind: set[int] = set()  # have missing versions until the next `sync`
        self.is_user_behind = False
        self.events: list[Row] = []
        self.mentioned: list[int] = []
        self.quotes: dict[int, set[int]] = {}  # message id → seqs of messages that quote it
        self.contacts: dict[int, Row] = {}  # by user id; only contacts, requests and blocked users
        self.added_ids: set[int] = set()  # conversations added by events: their older messages were never loaded

    # ── Events ───
    def apply_event(self, frame: Row) -> None:
        self.events.append(frame)
        kind, payload = frame["type"], frame["payload"]
        apply = getattr(self, "_" + kind.replace(".", "_"), None)
        if apply is None:
            return
        if "after" in payload:
            self._apply_in_order(
                payload["conversation_id"], payload["after"], payload["version"], lambda: apply(payload)
            )
        else:
            apply(payload)

    def _apply_in_order(self, conversation_id: int, after: int, version: int, apply) -> None:
        current_version = self.versions.get(conversation_id)
        if current_version is None or version <= current_version:
            return
        if after > current_version:
            self.conversations_behind.add(conversation_id)
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
            self.quotes.setdefault(message["reply_to"]["id"], set()).add(message["seq"])
        quotes = [messages[seq] for seq in self.quotes.get(message["id"], ()) if seq in messages]
        for quote in [*quotes, conversation["last_message"]]:  # update the excerpts of this message in replies to it
            if quote and quote["reply_to"] and quote["reply_to"]["id"] == message["id"]:
                quote["reply_to"].update(excerpt=message["excerpt"], deleted=message["deleted_at"] is not None)
        if new:
            conversation["last_seq"] = message["seq"]
        last = conversation["last_message"]
        if message["kind"] in ACTIVITY and (last is None or message["seq"] >= last["seq"]):
            conversation["last_message"] = message
        if new and message["kind"] in COUNTED:
            mine = conversation["mine"]
            if message["seq"] <= mine["last_seq"]:
                pass  # the counts include it
            elif message["sender"]["id"] == self.user_id:
                if message["kind"] != "text":
                    return  # a missed call does not move the read marker of its caller
                mine.update(unread_count=0, unread_mention_count=0, read_seq=message["seq"])
            else:
                mine["unread_count"] += 1
                mine["unread_mention_count"] += self._mentions_user(message)

    def _put_member_state(self, conversation_id: int, mine: Row) -> None:
        """Replaces the member state: what a conversation stores for this user only, such as the unread count.

        Does nothing if the new state is older than the present one. The server has counted unread messages up to number
        `last_seq`; newer messages that the client already has are added to the count.
        """
        conversation = self.conversations[conversation_id]
        if mine["me_version"] < conversation["mine"]["me_version"]:
            return
        conversation["mine"] = mine
        for seq, message in self.messages[conversation_id].items():
            is_others_text = message["kind"] in COUNTED and message["sender"]["id"] != self.user_id
            if is_others_text and seq > max(mine["last_seq"], mine["read_seq"]):
                mine["unread_count"] += 1
                mine["unread_mention_count"] += self._mentions_user(message)

    def _mentions_user(self, message: Row) -> int:
        return int(any(mention["user_id"] in (self.user_id, None) for mention in message["mentions"]))

    def _conversation_updated(self, payload: Row) -> None:
        conversation = self.conversations[payload["conversation_id"]]
        shared = {name: value for name, value in payload["conversation"].items() if name not in ("mine", "peer")}
        conversation.update(shared)
        self._remove_until(payload["conversation_id"], conversation["removed_seq"])

    def _remove_until(self, conversation_id: int, removed_seq: int) -> None:
        """Removes the messages that were removed by age, and shows quotes of them as deleted."""
        messages = self.messages[conversation_id]
        for seq in [seq for seq in messages if seq <= removed_seq]:
            del messages[seq]
        for message in [*messages.values(), self.conversations[conversation_id]["last_message"]]:
            if message and message["reply_to"] and message["reply_to"]["seq"] <= removed_seq:
                message["reply_to"].update(excerpt="", deleted=True)

    def _member_updated(self, payload: Row) -> None:
        self._put_member(payload["conversation_id"], payload["member"])

    def _put_member(self, conversation_id: int, member: Row) -> None:
        members = self.members[conversation_id]
        user = member["user"]
        if member["left_at"]:
            members.pop(user["id"], None)
        else:
            members[user["id"]] = member
        # A changed name or picture is applied everywhere the user appears in this conversation.
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

    # ── User events ───
    def _advance_user_version(self, me_version: int) -> bool:
        if me_version <= self.me_version:
            return False
        if me_version > self.me_version + 1:
            self.is_user_behind = True
            return False
        self.me_version = me_version
        return True

    def _conversation_added(self, payload: Row) -> None:
        if self._advance_user_version(payload["me_version"]):
            self._put_conversation(payload["conversation"])

    def _put_conversation(self, conversation: Row) -> None:
        if conversation["id"] not in self.conversations:
            self.added_ids.add(conversation["id"])
        self.conversations[conversation["id"]] = conversation
        self.versions[conversation["id"]] = conversation["version"]
        self.messages.setdefault(conversation["id"], {})
        self.members.setdefault(conversation["id"], {})

    def _conversation_removed(self, payload: Row) -> None:
        if self._advance_user_version(payload["me_version"]):
            self.drop(payload["conversation_id"])

    def drop(self, conversation_id: int) -> None:
        for mapping in (self.conversations, self.versions, self.messages, self.members):
            mapping.pop(conversation_id, None)

    def _mine_updated(self, payload: Row) -> None:
        if self._advance_user_version(payload["me_version"]) and payload["conversation_id"] in self.conversations:
            self._put_member_state(payload["conversation_id"], payload["mine"])

    def _me_updated(self, payload: Row) -> None:
        self._advance_user_version(payload["me_version"])

    def _contact_updated(self, payload: Row) -> None:
        if self._advance_user_version(payload["me_version"]):
            self._put_contact(payload["contact"])

    def _put_contact(self, contact: Row) -> None:
        self.contacts.pop(contact["user"]["id"], None)
        if contact["state"] != "none" or contact["blocked"]:
            self.contacts[contact["user"]["id"]] = contact

    def _mention(self, payload: Row) -> None:
        self.mentioned.append(payload["message"]["id"])

    # ── Catching up ───
    def sync_payload(self) -> Row:
        return {"cursors": {str(cid): version for cid, version in self.versions.items()}, "me": self.me_version}

    def apply_sync_response(self, response: Row) -> bool:
        """Applies the response to the command `sync`, with which a client asks for events that it has missed.

        Returns False if the response did not contain all missed events: then the client must send `sync` again.
        """
        for changes in response["conversations"]:
            conversation_id = changes["conversation_id"]
            if changes["conversation"] is not None and conversation_id not in self.conversations:
                self._put_conversation(changes["conversation"])
                continue
            rows: list[tuple[int, str, Row]] = [(row["version"], "message", row) for row in changes["messages"]]
            rows += [(row["version"], "member", row) for row in changes["members"]]
            for _, kind, row in sorted(rows, key=lambda row: row[0]):
                if kind == "message":
                    self._put_message(row)
                else:
                    self._put_member(conversation_id, row)
            if changes["conversation"] is not None:
                self.conversations[conversation_id] = changes["conversation"]
                self._remove_until(conversation_id, changes["conversation"]["removed_seq"])
            self.conversations[conversation_id]["version"] = changes["version"]
            self.versions[conversation_id] = changes["version"]
        for entry in response["mine"]:
            if entry["conversation_id"] in self.conversations:
                self._put_member_state(entry["conversation_id"], entry["mine"])
        for contact in response["contacts"]:
            self._put_contact(contact)
        for conversation_id in response["removed"]:
            self.drop(conversation_id)
        self.me_version = max(self.me_version, response["me_version"])
        if response["complete"]:
            self.conversations_behind.clear()
            self.is_user_behind = False
        return response["complete"]

    # ── State ───
    def bodies(self, conversation_id: int) -> list[str]:
        messages = self.messages.get(conversation_id, {})
        return [messages[seq]["body"] for seq in sorted(messages) if messages[seq]["kind"] == "text"]

    def assert_matches(self, load_state: Row) -> None:
        """Asserts that the state of this simulated client equals a state that was read from the database.

        If the client knows a conversation only from events, it may know only some of the messages and members of it.
        """
        state, load_state = self.state(), dict(load_state)
        assert state.pop("contacts") == load_state.pop("contacts")
        assert state.keys() == load_state.keys()
        for cid, expected in load_state.items():
            assert state[cid]["conversation"] == expected["conversation"], (
                state[cid]["conversation"],
                expected["conversation"],
            )
            if cid in self.added_ids:
                assert all(message in expected["messages"] for message in state[cid]["messages"])
                assert all(member in expected["members"] for member in state[cid]["members"])
            else:
                assert state[cid] == expected

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


def load_state(user_id: int) -> Row:
    """Returns the state (conversations, messages …) that a new client of this user would load from the database.

    Call it in a thread, not in async code.
    """
    return load_client_state(user_id).state()


def load_client_state(user_id: int) -> ClientState:
    """Returns a simulated client of this user that has loaded everything from the database and can apply events."""
    from accounts.schemas import contact_schema
    from accounts.selectors import contact_lists
    from chat import selectors

    client_state = ClientState(user_id)
    _, client_state.me_version = selectors.list_versions(user_id)
    for schema in selectors.list_conversations(user_id, limit=1000)[0]:
        client_state._put_conversation(_builtins(schema))
        before = None
        while True:
            page = selectors.get_history(user_id, schema.id, before=before, limit=100)
            for message in page.results:
                client_state.messages[schema.id][message.seq] = _builtins(message)
                if message.reply_to:
                    client_state.quotes.setdefault(message.reply_to.id, set()).add(message.seq)
            if not page.has_before:
                break
            before = page.results[0].seq
        for member in selectors.list_members(user_id, schema.id):
            client_state.members[schema.id][member.user.id] = _builtins(member)
    for relationship in [
        *(relationship for relationships in contact_lists.list_contacts(user_id) for relationship in relationships),
        *contact_lists.list_blocked(user_id),
    ]:
        client_state._put_contact(_builtins(contact_schema(relationship)))
    client_state.added_ids.clear()
    return client_state


def _builtins(schema: Any) -> Row:
    return msgspec.json.decode(msgspec.json.encode(schema))


def _comparable(conversation: Row) -> Row:
    mine = {name: value for name, value in conversation["mine"].items() if name not in ("me_version", "last_seq")}
    return {**conversation, "mine": mine}


def _by_id(members: Iterable[Row]) -> list[Row]:
    return sorted(members, key=lambda member: member["user"]["id"])
