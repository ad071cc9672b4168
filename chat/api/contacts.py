"""Contacts and blocks. Presence, which accounts may not know of, is joined here."""

from __future__ import annotations

from typing import cast

import msgspec

from accounts.actions import contacts
from accounts.models import Tie, User
from accounts.schemas import ContactSchema, contact_schema
from chat.api.base import Door, answer, does, done, lists, says
from chat.schemas import ListedContactSchema
from messenger.api import page
from presence import visibility as presence_people
from presence.schemas import PresenceSchema
from presence.tracker import tracker


def here(viewer: User, ties: list[Tie]) -> dict[int, PresenceSchema]:
    """What the viewer may know of people in their list now."""
    ids = [tie.person_id for tie in ties if tie.shown_state == Tie.State.CONTACT]
    shapes = presence_people.of(viewer, ids, tracker().online_now(ids)) if ids else []
    return {shape.user_id: shape for shape in shapes}


class Contacts(Door):
    @lists(ListedContactSchema, "My contacts, who asks to be one, and whom I asked")
    def list(self, request):
        ties = [tie for part in contacts.of(self.person_id) for tie in part]
        present = here(cast(User, request.user), ties)
        shapes = [(contact_schema(tie), present.get(tie.person_id)) for tie in ties]
        return page(
            request, [ListedContactSchema(**msgspec.structs.asdict(shape), presence=of) for shape, of in shapes]
        )

    @says(ContactSchema, "What somebody is to me; `not_found` who is nothing")
    def retrieve(self, request, user_id: int):
        return answer(contacts.one(self.person_id, user_id))

    @says(
        ContactSchema,
        "Put somebody into my list",
        description="Or ask them, where their privacy wants that (`asked`); or accept them, where they have asked me.",
        request=None,
    )
    def update(self, request, user_id: int):
        return answer(contacts.add(self.person_id, user_id))

    @does("Take somebody out of my list, take back my request, or decline theirs")
    def destroy(self, request, user_id: int):
        contacts.drop(self.person_id, user_id)
        return done()


class Ignored(Door):
    @does(
        "Leave somebody's request without an answer",
        description="They go on waiting, and are told nothing.",
        request=None,
    )
    def update(self, request, user_id: int):
        contacts.ignore(self.person_id, user_id)
        return done()


class Blocks(Door):
    @lists(ContactSchema, "Whom I block, the newest first")
    def list(self, request):
        return page(request, [contact_schema(tie) for tie in contacts.blocked(self.person_id)])

    @says(ContactSchema, "One whom I block; `not_found` who is not")
    def retrieve(self, request, user_id: int):
        return answer(contacts.one_blocked(self.person_id, user_id))

    @says(
        ContactSchema,
        "Block somebody",
        description="No direct messages, mentions, groups, presence, receipts or typing between us. They are not told.",
        request=None,
    )
    def update(self, request, user_id: int):
        return answer(contacts.block(self.person_id, user_id))

    @does("Unblock: all is as it was before")
    def destroy(self, request, user_id: int):
        contacts.unblock(self.person_id, user_id)
        return done()
