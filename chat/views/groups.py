"""A group as a whole: its settings, leaving it, and its end."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from chat import actions, selectors
from chat.forms import DeleteGroupForm, GroupSettingsForm, InviteForm
from chat.schemas import ConversationSchema
from chat.serializers import MemberCursor
from chat.view_models.message_log import title_of
from chat.view_models.permissions import offers
from chat.views.common import draw, take
from chat.views.decorators import PersonalRequest, form_page, page
from chat.views.people_picker import Picking
from messenger.core.errors import ApplicationError, forbidden, not_found

SHOWN = 50  # members on one page
WORDS = ("title", "description", "announcement", "members_may_add", "members_may_pin", "revisions_visible")


def group(me: int, conversation_id: int) -> ConversationSchema:
    """The group; a pair has no settings."""
    shape = selectors.get_conversation(me, conversation_id)
    if shape.kind != "group":
        raise not_found()
    return shape


@form_page
def group_settings(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    if request.method != "POST":
        return settings_page(request, conversation_id)
    form = GroupSettingsForm(request.POST, request.FILES)
    if not form.is_valid():
        return settings_page(request, conversation_id, form, status=400)
    try:
        _store(request.user.pk, conversation_id, form.cleaned_data)
    except ApplicationError as refusal:
        return settings_page(request, conversation_id, form, status=take(form, refusal))
    messages.success(request, _("Saved."))
    return redirect("group_settings", conversation_id)


def _store(me: int, conversation_id: int, given: dict[str, Any]) -> None:
    actions.update(me, conversation_id, {name: given[name] for name in WORDS})
    if picture := given["picture"]:
        actions.set_picture(me, conversation_id, picture, picture.size)
    elif given["remove_picture"]:
        actions.remove_picture(me, conversation_id)


def settings_page(
    request: PersonalRequest,
    conversation_id: int,
    form: GroupSettingsForm | None = None,
    invite: InviteForm | None = None,
    status: int = 200,
) -> HttpResponse:
    me = request.user.pk
    shape = group(me, conversation_id)
    may = offers(shape, me)
    wanted = request.GET.get("member", "").strip()[:80]
    shown, cursor = selectors.find_members(me, conversation_id, q=wanted, before=_place(request), limit=SHOWN)
    if form is None:
        form = GroupSettingsForm(initial={name: getattr(shape, name) for name in WORDS})
    return draw(
        request,
        "chat/group/group_settings.html",
        status,
        conversation=shape,
        mine=shape.mine,
        title=title_of(shape),
        offers=may,
        form=form,
        members=[{"member": member, "removable": may.remove(member)} for member in shown],
        member_q=wanted,
        members_after=MemberCursor.written(cursor),
        members_from_start=not request.GET.get("after"),
        invites=selectors.list_invites(me, conversation_id) if may.add else [],
        invite=invite or InviteForm(),
        picking=Picking(request, among_not=conversation_id) if may.add else None,
    )


def _place(request: PersonalRequest) -> selectors.MemberPosition | None:
    """Where the page of members begins; what is no place is the beginning."""
    try:
        return MemberCursor().to_internal_value(request.GET["after"])
    except Exception:  # absent, or nothing that this site wrote
        return None


@page
def leave_group(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    """The question before leaving; `remove_member` takes the answer."""
    shape = group(request.user.pk, conversation_id)
    return draw(
        request,
        "chat/group/leave_group.html",
        conversation=shape,
        title=title_of(shape),
        must_give=offers(shape, request.user.pk).owns and shape.member_count > 1,
    )


@form_page
def delete_group(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    """The end of a group, for which its name is typed."""
    me = request.user.pk
    shape = selectors.get_conversation(me, conversation_id)
    if not offers(shape, me).owns:
        raise forbidden(_("Only the owner may delete the group."))
    form = DeleteGroupForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and form.check(shape.title):
        actions.delete_group(me, conversation_id)
        messages.success(request, _("The group is deleted."))
        return redirect("home")
    status = 200 if request.method != "POST" else 400
    return draw(request, "chat/group/delete_group.html", status, conversation=shape, title=title_of(shape), form=form)
