"""Views for the members of a group: adding and removing members, changing roles, and the page about one member."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chat import actions, selectors
from chat.forms import AddMembersForm, MemberMuteForm, RoleForm
from chat.schemas import ConversationSchema, MemberSchema
from chat.view_models.allowed_actions import get_allowed_actions
from chat.view_models.member_card import MemberCard
from chat.view_models.message_log import conversation_title
from chat.views.common import get_cleaned_data, render_page
from chat.views.decorators import AuthenticatedRequest, form_view, page_view, post_view, redirect_back
from chat.views.groups import get_group
from messenger.core.errors import forbidden, not_found


@post_view
def add_members(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    user_ids = get_cleaned_data(AddMembersForm(request.POST))["user_ids"]
    count = len(actions.add_members(request.user.pk, conversation_id, user_ids))
    messages.success(request, ngettext("%(n)d person added.", "%(n)d people added.", count) % {"n": count})
    return redirect_back(request, "group_settings", conversation_id)


@form_view
def remove_member(request: AuthenticatedRequest, conversation_id: int, user_id: int) -> HttpResponse:
    """Asks for confirmation, and with POST removes the member `user_id` from a group.

    If `user_id` is the current user, this user leaves the group.
    """
    current_user_id = request.user.pk
    if request.method != "POST":
        conversation = get_group(current_user_id, conversation_id)
        if user_id == current_user_id:
            return redirect("leave_group", conversation_id)
        member = _get_member(current_user_id, conversation_id, user_id)
        if not get_allowed_actions(conversation, current_user_id).can_remove(member):
            raise forbidden(_("You can’t remove this person."))
        return _render_confirmation(request, "chat/group/remove_member.html", conversation, member)
    actions.remove_member(current_user_id, conversation_id, user_id)
    if user_id == current_user_id:
        messages.success(request, _("You left the group."))
        return redirect("home")
    messages.success(request, _("Removed."))
    return redirect_back(request, "group_settings", conversation_id)


@post_view
def mute_member(request: AuthenticatedRequest, conversation_id: int, user_id: int) -> HttpResponse:
    """Mutes a member for the number of seconds in the field `seconds`; 0 ends it."""
    seconds = get_cleaned_data(MemberMuteForm(request.POST))["seconds"]
    actions.mute_member(request.user.pk, conversation_id, user_id, seconds)
    messages.success(request, _("Saved."))
    return redirect("member", conversation_id, user_id)


@post_view
def set_role(request: AuthenticatedRequest, conversation_id: int, user_id: int) -> HttpResponse:
    role = get_cleaned_data(RoleForm(request.POST))["role"]
    actions.set_role(request.user.pk, conversation_id, user_id, role)
    messages.success(request, _("Saved."))
    return redirect_back(request, "group_settings", conversation_id)


def _render_confirmation(
    request: AuthenticatedRequest, template: str, conversation: ConversationSchema, member: MemberSchema
) -> HttpResponse:
    title = conversation_title(conversation)
    return render_page(request, template, conversation=conversation, title=title, member=member)


@page_view
def transfer_ownership(request: AuthenticatedRequest, conversation_id: int, user_id: int) -> HttpResponse:
    """Shows the page on which the owner of a group confirms that the member `user_id` becomes the owner instead.

    The form on this page is posted to the view `set_role`.
    """
    current_user_id = request.user.pk
    conversation = get_group(current_user_id, conversation_id)
    member = _get_member(current_user_id, conversation_id, user_id)
    if not get_allowed_actions(conversation, current_user_id).can_set_role_of(member):
        raise forbidden(_("Only the owner can change roles."))
    return _render_confirmation(request, "chat/group/transfer_ownership.html", conversation, member)


@page_view
def member(request: AuthenticatedRequest, conversation_id: int, user_id: int) -> HttpResponse:
    """Shows a page about one member of a group: profile, whether the member is online, and shared groups.

    Shared groups are the groups of which both the member and the current user are members.
    """
    conversation = selectors.get_conversation(request.user.pk, conversation_id)
    member = _get_member(request.user.pk, conversation_id, user_id)
    return render_page(
        request,
        "chat/group/member.html",
        conversation=conversation,
        title=conversation_title(conversation),
        card=MemberCard(request.user, conversation, member),
    )


def _get_member(current_user_id: int, conversation_id: int, user_id: int) -> MemberSchema:
    """Returns the member `user_id` of a conversation. Raises `not_found` if this user is not a member now."""
    members, _cursor = selectors.find_members(current_user_id, conversation_id, user_ids=[user_id])
    if not members or members[0].left_at:
        raise not_found()
    return members[0]
