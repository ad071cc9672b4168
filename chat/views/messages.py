"""One message and all that can be done with it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from chat import actions, selectors
from chat.forms import ActiveForm, EditForm, ForwardForm, ReactForm, ReportForm, SendForm
from chat.schemas import MessageSchema
from chat.text import diff
from chat.view_models.message_log import lines, title_of
from chat.view_models.permissions import offers
from chat.views.common import at_its_place, at_the_end, draw, said, take
from chat.views.decorators import PersonalRequest, command, form_page, page
from messenger.core.errors import ApplicationError, not_found


@page
def message(request: PersonalRequest, message_id: int) -> HttpResponse:
    """A permanent address of a message: the conversation, opened at its place."""
    shape = selectors.get_message(request.user.pk, message_id)
    return redirect(at_its_place(shape))


@page
def message_actions(request: PersonalRequest, message_id: int) -> HttpResponse:
    return actions_page(request, message_id)


def actions_page(
    request: PersonalRequest,
    message_id: int,
    *,
    edit: EditForm | None = None,
    report: ReportForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """All that can be done with one message, as plain forms."""
    me = request.user.pk
    shape = selectors.get_message(me, message_id)
    if shape.kind != "text":
        raise not_found()
    home = selectors.get_conversation(me, shape.conversation_id)
    may = offers(home, me)
    line = lines([shape], me=me)[0]
    return draw(
        request,
        "chat/message/actions.html",
        status,
        **_details(request, shape),
        conversation=home,
        title=title_of(home),
        line=line,
        pressed={reaction.emoji for reaction in line.reactions if reaction.mine},
        may_edit=may.edit(shape),
        may_delete=may.delete(shape),
        may_pin=may.pin and may.alive(shape),
        may_report=may.report(shape),
        may_see_revisions=may.see_revisions(shape),
        edit=edit or EditForm(initial={"body": shape.body}),
        report=report or ReportForm(),
        offers=may,
    )


@command
def edit_message(request: PersonalRequest, message_id: int) -> HttpResponse:
    form = EditForm(request.POST)
    if not form.is_valid():
        return actions_page(request, message_id, edit=form, status=400)
    try:
        shape = actions.edit(request.user.pk, message_id, form.cleaned_data["body"])
    except ApplicationError as refusal:
        return actions_page(request, message_id, edit=form, status=take(form, refusal))
    return redirect(at_its_place(shape))


@command
def delete_message(request: PersonalRequest, message_id: int) -> HttpResponse:
    shape = actions.delete(request.user.pk, message_id)
    return redirect(at_its_place(shape))


@command
def react(request: PersonalRequest, message_id: int) -> HttpResponse:
    given = said(ReactForm(request.POST))
    shape = actions.react(request.user.pk, message_id, given["add"] or given["remove"], bool(given["add"]))
    return redirect(at_its_place(shape))


@command
def pin(request: PersonalRequest, message_id: int) -> HttpResponse:
    given = said(ActiveForm(request.POST))
    shape = actions.pin(request.user.pk, message_id, given["active"])
    return redirect(at_its_place(shape))


@command
def report_message(request: PersonalRequest, message_id: int) -> HttpResponse:
    form = ReportForm(request.POST)
    if not form.is_valid():
        return actions_page(request, message_id, report=form, status=400)
    shape = selectors.get_message(request.user.pk, message_id)
    actions.report(request.user.pk, message_id, form.cleaned_data["reason"])
    messages.success(request, _("The moderators have your report. Thank you."))
    return redirect(at_its_place(shape))


@form_page
def forward_message(request: PersonalRequest, message_id: int) -> HttpResponse:
    me = request.user.pk
    shape = selectors.get_message(me, message_id)
    if shape.kind != "text" or shape.deleted_at:
        raise not_found()
    form = ForwardForm(request.POST or None, initial=SendForm.fresh().initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            sent, _created = actions.send(me, given["conversation_id"], given["client_id"], "", forward_id=message_id)
            return redirect(at_the_end(sent))
        except ApplicationError as refusal:
            take(form, refusal)
    return draw(
        request,
        "chat/message/forward.html",
        200 if not form.errors else 400,
        message=shape,
        line=lines([shape], me=me)[0],
        form=form,
    )


@page
def message_details(request: PersonalRequest, message_id: int) -> HttpResponse:
    """Who got and read it, and who reacted."""
    shape = selectors.get_message(request.user.pk, message_id)
    if shape.kind != "text" or shape.deleted_at:
        raise not_found()
    return draw(
        request,
        "chat/message/message_details.html",
        line=lines([shape], me=request.user.pk)[0],
        **_details(request, shape),
    )


def _details(request: PersonalRequest, shape: MessageSchema) -> dict[str, Any]:
    """Read last comes first, then who only got it, then who did neither; of each emoji everybody who put it there."""
    me = request.user.pk
    members = {member.user.id: member.user for member in selectors.list_members(me, shape.conversation_id)}
    marks = [each for each in selectors.list_message_receipts(me, shape.id) if each.user_id in members]
    marks.sort(key=lambda each: each.read_at or each.delivered_at or "", reverse=True)
    shown = {receipt.user_id for receipt in selectors.list_receipts(me, shape.conversation_id)}
    told = {each.user_id for each in marks} | {shape.sender.id, me}
    return {
        "message": shape,
        "read": [{"user": members[each.user_id], "at": each.read_at} for each in marks if each.read_at],
        "got": [{"user": members[each.user_id], "at": each.delivered_at} for each in marks if not each.read_at],
        "waiting": [user for pk, user in members.items() if pk in shown - told],
        "hides": not selectors.shows_receipts(me, shape.conversation_id),
        "reactions": [
            {
                "emoji": each.emoji,
                "users": [members[pk] for pk in each.user_ids if pk in members],
                "count": len(each.user_ids),
            }
            for each in shape.reactions
        ],
    }


@page
def revisions(request: PersonalRequest, message_id: int) -> HttpResponse:
    """What it said before, each version with what changed in it; the newest first."""
    me = request.user.pk
    shape = selectors.get_message(me, message_id)
    before = selectors.list_revisions(me, message_id)
    times = [each.written_at for each in before] + [shape.edited_at or shape.created_at]
    compared = diff.versions([*(each.body for each in before), shape.body])
    return draw(
        request,
        "chat/message/revisions.html",
        message=shape,
        line=lines([shape], me=me)[0],
        versions=[
            {"at": at, "pieces": pieces, "first": place == 0, "now": place == len(before)}
            for place, (at, pieces) in enumerate(zip(times, compared, strict=True))
        ][::-1],
        edited=bool(before),
    )
