"""Page views of a whole group: changing its settings, leaving it and deleting it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import unsent_forms
from chat import actions, selectors
from chat.actions.groups.settings import FIELD_CLEANERS
from chat.cursors import encode_cursor, parse_member_cursor
from chat.forms import DeleteGroupForm, GroupSettingsForm, InviteForm
from chat.schemas import ConversationSchema
from chat.selectors.retention import find_retention_days
from chat.view_models.allowed_actions import get_allowed_actions
from chat.view_models.message_log import conversation_title
from chat.views.common import MAX_SEARCH_LENGTH, add_form_errors, render_page
from chat.views.decorators import AuthenticatedRequest, form_view, page_view
from chat.views.people_picker import PeoplePicker
from messenger.core.errors import ApplicationError, forbidden, not_found

MEMBERS_PER_PAGE = 50
GROUP_FIELDS = tuple(FIELD_CLEANERS)


def get_group(user_id: int, conversation_id: int) -> ConversationSchema:
    """Returns the group with this id.

    Raises `not_found` if it is a direct conversation, or if the user `user_id` is not a member.
    """
    conversation = selectors.get_conversation(user_id, conversation_id)
    if conversation.kind != "group":
        raise not_found()
    return conversation


@form_view
def group_settings(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    if request.method != "POST":
        return render_group_settings(request, conversation_id)
    if "remove_picture" in request.POST:  # the name of a button
        actions.remove_group_avatar(request.user.pk, conversation_id)
        messages.success(request, _("Photo removed."))
        unsent_forms.keep_form(request, request.path)  # the page shows the values that were not saved again
        return redirect("group_settings", conversation_id)
    form = GroupSettingsForm(request.POST, request.FILES)
    if not form.is_valid():
        return render_group_settings(request, conversation_id, form, status=400)
    try:
        _update_group(request.user.pk, conversation_id, form.cleaned_data)
    except ApplicationError as error:
        return render_group_settings(request, conversation_id, form, status=add_form_errors(form, error))
    messages.success(request, _("Saved."))
    return redirect("group_settings", conversation_id)


def _update_group(user_id: int, conversation_id: int, data: dict[str, Any]) -> None:
    actions.update_group(
        user_id, conversation_id, {name: data[name] for name in GROUP_FIELDS if data[name] is not None}
    )
    if picture := data["picture"]:
        actions.set_group_avatar(user_id, conversation_id, picture, picture.size)


def render_group_settings(
    request: AuthenticatedRequest,
    conversation_id: int,
    form: GroupSettingsForm | None = None,
    invite_form: InviteForm | None = None,
    status: int = 200,
) -> HttpResponse:
    user_id = request.user.pk
    conversation = get_group(user_id, conversation_id)
    allowed = get_allowed_actions(conversation, user_id)
    member_query = request.GET.get("member", "").strip()[:MAX_SEARCH_LENGTH]
    members, cursor = selectors.find_members(
        user_id, conversation_id, q=member_query, before=_parse_member_cursor(request), limit=MEMBERS_PER_PAGE
    )
    if form is None:
        unsent = unsent_forms.get_initial(GroupSettingsForm, unsent_forms.pop_form(request))
        form = GroupSettingsForm(initial=unsent or {name: getattr(conversation, name) for name in GROUP_FIELDS})
    return render_page(
        request,
        "chat/group/group_settings.html",
        status,
        conversation=conversation,
        mine=conversation.mine,
        title=conversation_title(conversation),
        allowed=allowed,
        form=form,
        site_retention_days=settings.RETENTION_DAYS,
        retention_days=find_retention_days(conversation.retention_days),
        members=members,
        member_q=member_query,
        members_after=encode_cursor(cursor),
        members_from_start=not request.GET.get("after"),
        invites=selectors.list_invites(user_id, conversation_id) if allowed.can_add_people else [],
        invite=invite_form or InviteForm(),
        picker=PeoplePicker(request, exclude_members_of=conversation_id) if allowed.can_add_people else None,
    )


def _parse_member_cursor(request: AuthenticatedRequest) -> selectors.MemberPosition | None:
    """Parses the URL parameter `after`: the cursor (position in the list of members) at which the page begins.

    Returns None, which means the first page, if the parameter is missing or invalid.
    """
    try:
        return parse_member_cursor(request.GET.get("after", ""))
    except ApplicationError:
        return None


@page_view
def leave_group(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    """Shows the page on which a member confirms leaving the group. Its form is posted to the view `remove_member`."""
    conversation = get_group(request.user.pk, conversation_id)
    return render_page(
        request,
        "chat/group/leave_group.html",
        conversation=conversation,
        title=conversation_title(conversation),
        must_transfer_ownership=not get_allowed_actions(conversation, request.user.pk).can_leave,
    )


@form_view
def delete_group(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    """Asks the owner to type the name of the group. POST deletes the group."""
    user_id = request.user.pk
    conversation = selectors.get_conversation(user_id, conversation_id)
    if not get_allowed_actions(conversation, user_id).can_delete_group:
        raise forbidden(_("Only the owner can delete the group."))
    form = DeleteGroupForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and form.check_title(conversation.title):
        actions.delete_group(user_id, conversation_id)
        messages.success(request, _("Group deleted."))
        return redirect("home")
    return render_page(
        request,
        "chat/group/delete_group.html",
        200 if request.method != "POST" else 400,
        conversation=conversation,
        title=conversation_title(conversation),
        form=form,
    )
