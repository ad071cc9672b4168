"""Members of a group: adding, removing, roles, and the card of one person."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from chat import actions, selectors
from chat.forms import PeopleForm, RoleForm
from chat.schemas import ConversationSchema, MemberSchema
from chat.view_models.message_log import title_of
from chat.view_models.permissions import offers
from chat.views.common import draw, said
from chat.views.decorators import PersonalRequest, back, command, form_page, page
from chat.views.groups import group
from messenger.core.errors import forbidden, not_found
from presence import visibility as presence_people
from presence.tracker import tracker


@command
def add_members(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    given = said(PeopleForm(request.POST))
    added = actions.add_members(request.user.pk, conversation_id, given["user_ids"])
    count = len(added)
    messages.success(request, ngettext("%(n)d person added.", "%(n)d people added.", count) % {"n": count})
    return back(request, "group_settings", conversation_id)


@form_page
def remove_member(request: PersonalRequest, conversation_id: int, user_id: int) -> HttpResponse:
    """Asked, a question; posted, the removal, or one's own leaving."""
    me = request.user.pk
    if request.method != "POST":
        shape = group(me, conversation_id)
        if user_id == me:
            return redirect("leave_group", conversation_id)
        member = _member(me, conversation_id, user_id)
        if not offers(shape, me).remove(member):
            raise forbidden(_("You may not remove this person."))
        return draw(request, "chat/group/remove_member.html", conversation=shape, title=title_of(shape), member=member)
    actions.remove_member(me, conversation_id, user_id)
    if user_id == me:
        messages.success(request, _("You have left the group."))
        return redirect("home")
    messages.success(request, _("Removed."))
    return back(request, "group_settings", conversation_id)


@command
def set_role(request: PersonalRequest, conversation_id: int, user_id: int) -> HttpResponse:
    given = said(RoleForm(request.POST))
    actions.set_role(request.user.pk, conversation_id, user_id, given["role"])
    messages.success(request, _("Saved."))
    return back(request, "group_settings", conversation_id)


@page
def give_group(request: PersonalRequest, conversation_id: int, user_id: int) -> HttpResponse:
    """The question before a group changes hands; `set_role` takes the answer."""
    me = request.user.pk
    shape = group(me, conversation_id)
    member = _member(me, conversation_id, user_id)
    if not offers(shape, me).owns or user_id == me:
        raise forbidden(_("Only the owner may change roles."))
    return draw(request, "chat/group/transfer_ownership.html", conversation=shape, title=title_of(shape), member=member)


@page
def member(request: PersonalRequest, conversation_id: int, user_id: int) -> HttpResponse:
    """Who this is: what they say of themselves, when they were here, where else one meets them."""
    me = request.user.pk
    shape = selectors.get_conversation(me, conversation_id)
    return draw(
        request,
        "chat/group/member.html",
        conversation=shape,
        title=title_of(shape),
        card=Card(me, shape, _member(me, conversation_id, user_id)),
    )


class Card:
    """One member, as another sees them."""

    def __init__(self, me: int, conversation: ConversationSchema, member: MemberSchema):
        self.member = member
        self.user = User.objects.get(pk=member.user.id)
        self.is_me = member.user.id == me
        may = offers(conversation, me)
        self.in_group = may.group
        self.removable = may.group and may.remove(member)
        self.governable = may.owns and not self.is_me
        online = tracker().online_now([self.user.pk])
        (self.presence,) = presence_people.of(User.objects.get(pk=me), [self.user.pk], online)
        rows, self.shared_count = selectors.list_shared_groups(me, self.user.pk) if not self.is_me else ([], 0)
        self.shared = [row.conversation for row in rows]

    @property
    def shared_left_out(self) -> int:
        return self.shared_count - len(self.shared)


def _member(me: int, conversation_id: int, user_id: int) -> MemberSchema:
    found, _cursor = selectors.find_members(me, conversation_id, user_ids=[user_id])
    if not found or found[0].left_at:  # those who left are names in the log, and nothing more
        raise not_found()
    return found[0]
