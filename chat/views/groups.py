"""A group's settings: what it is called, who is in it, and who may do what."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import people as directory
from chat import actions, reading
from chat.doors import PersonalRequest, back, command, form_page
from chat.forms import GroupSettingsForm, PeopleForm, RoleForm
from chat.lines import title_of
from chat.rights import offers
from chat.views.common import draw, question, said, take
from messenger.live.refusal import Refused, not_found


@form_page
def group_settings(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    me = request.user.pk
    if request.method != "POST":
        return settings_page(request, conversation_id)
    form = GroupSettingsForm(request.POST)
    if not form.is_valid():
        return settings_page(request, conversation_id, form, 400)
    try:
        actions.update(me, conversation_id, form.cleaned_data)
    except Refused as refusal:
        return settings_page(request, conversation_id, form, take(form, refusal))
    messages.success(request, _("Saved."))
    return redirect("group_settings", conversation_id)


def settings_page(
    request: PersonalRequest, conversation_id: int, form: GroupSettingsForm | None = None, status: int = 200
) -> HttpResponse:
    me = request.user.pk
    shape = reading.conversation(me, conversation_id)
    if shape.kind != "group":
        raise not_found()
    may = offers(shape, me)
    members = reading.members(me, conversation_id)
    here = {member.user.id for member in members}
    q = question(request)
    found = directory.find(me, q) if q and may.add else []
    if form is None:
        form = GroupSettingsForm(initial={name: getattr(shape, name) for name in GroupSettingsForm.base_fields})
    return draw(
        request,
        "chat/group_settings.html",
        status,
        conversation=shape,
        mine=shape.mine,
        title=title_of(shape),
        offers=may,
        form=form,
        members=[{"member": member, "removable": may.remove(member)} for member in members],
        q=q,
        found=[user for user in found if user.pk not in here],
    )


@command
def add_members(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    given = said(PeopleForm(request.POST))
    added = actions.add_members(request.user.pk, conversation_id, given["user_ids"])
    count = len(added)
    messages.success(request, ngettext("%(n)d person added.", "%(n)d people added.", count) % {"n": count})
    return back(request, "group_settings", conversation_id)


@command
def remove_member(request: PersonalRequest, conversation_id: int, user_id: int) -> HttpResponse:
    actions.remove_member(request.user.pk, conversation_id, user_id)
    if user_id == request.user.pk:
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


@command
def delete_group(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    actions.delete_group(request.user.pk, conversation_id)
    messages.success(request, _("The group is deleted."))
    return redirect("home")
