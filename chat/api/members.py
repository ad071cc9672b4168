"""Who is in a conversation, in which role; and finding people to write to or to mention."""

from __future__ import annotations

from accounts.schemas import UserSchema, user_schema
from accounts.selectors import user_search
from chat import actions, selectors
from chat.api.base import Door, answer, does, done, lists, says
from chat.schemas import MemberSchema
from chat.serializers import AddMembersSerializer, MemberCursor, MembersQuery, PeopleQuery, RoleChangeSerializer
from messenger.api import page


class Members(Door):
    @lists(MemberSchema, "Members of a conversation: owner, admins, then by name", parameters=[MembersQuery])
    def list(self, request, conversation_id: int):
        found, cursor = selectors.find_members(self.person_id, conversation_id, **self.asked(MembersQuery))
        return page(request, found, MemberCursor.written(cursor))

    @lists(MemberSchema, "Add people; answers with those who were not in", request=AddMembersSerializer)
    def create(self, request, conversation_id: int):
        user_ids = self.given(AddMembersSerializer)["user_ids"]
        return page(request, actions.add_members(self.person_id, conversation_id, user_ids))

    @says(MemberSchema, "Give a member another role", request=RoleChangeSerializer)
    def partial_update(self, request, conversation_id: int, user_id: int):
        role = self.given(RoleChangeSerializer)["role"]
        return answer(actions.set_role(self.person_id, conversation_id, user_id, role))

    @does("Remove a member, or leave with one's own id")
    def destroy(self, request, conversation_id: int, user_id: int):
        actions.remove_member(self.person_id, conversation_id, user_id)
        return done()


class Here(Door):
    @says(selectors.OnlineMembersSchema, "Which members are here now")
    def list(self, request, conversation_id: int):
        return answer(selectors.list_online_members(self.person_id, conversation_id))


class People(Door):
    @lists(UserSchema, "People to write to or to mention", parameters=[PeopleQuery])
    def list(self, request):
        query = self.asked(PeopleQuery)
        found = user_search.find(self.person_id, query["q"], query["conversation"], query["limit"])
        return page(request, [user_schema(user) for user in found])
