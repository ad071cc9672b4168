"""The pages. Each finds out who it is and what is asked, calls one verb or reads, and answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import people as directory
from accounts.models import User
from chat import actions, reading
from chat.doors import back, command, page
from chat.forms import (
    ActiveForm,
    DirectForm,
    EditForm,
    ForwardForm,
    GroupForm,
    GroupSettingsForm,
    MineForm,
    PeopleForm,
    ReactForm,
    ReadForm,
    RefusableForm,
    ReportForm,
    RoleForm,
    SendForm,
)
from chat.lines import lines, people_in, title_of
from chat.lists import Listing
from chat.rights import offers
from chat.shapes import ConversationShape, MessageShape, MineShape
from messenger.live.refusal import Refused, invalid, not_found

PANEL_MEMBERS = 200  # of a larger group the panel names so many, and the settings page all
CHOSEN = 50  # people that an address can carry
HANDLED = {"invalid", "conflict", "rate_limited", "too_large"}  # said in the form, which keeps what was typed


def number(text: str | None) -> int | None:
    """A number from an address; what is none is as if it was not asked."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else None


def draw(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    context.setdefault("listing", Listing(request.user.pk, request.GET))
    return render(request, template, context, status=status)


# ── The list and a conversation ──────────────────────────────────────────────────────────────────────────────────
@page
def home(request: HttpRequest) -> HttpResponse:
    return draw(request, "chat/home.html")


@page
def conversation(request: HttpRequest, conversation_id: int) -> HttpResponse:
    return conversation_page(request, conversation_id)


def conversation_page(
    request: HttpRequest, conversation_id: int, form: SendForm | None = None, status: int = 200
) -> HttpResponse:
    me = request.user.pk
    shape = reading.conversation(me, conversation_id)
    mine = shape.mine
    assert isinstance(mine, MineShape)
    places = {"before": "before", "after": "after", "at": "around"}
    asked = {name: number(request.GET.get(key)) for key, name in places.items()}
    history = reading.history(me, conversation_id, **asked)
    members = reading.members(me, conversation_id)
    names = {member.user.id: member.user.name for member in members}
    reply = _quoted(me, conversation_id, request.POST.get("reply_to_id") or request.GET.get("reply"))
    return draw(
        request,
        "chat/conversation.html",
        status,
        conversation=shape,
        mine=mine,
        title=title_of(shape),
        offers=offers(shape, me),
        history=history,
        lines=lines(
            history.results,
            me=me,
            mine=mine,
            from_start=not history.has_before,
            names=_names(people_in(history.results), names),
        ),
        receipts=msgspec.json.encode(reading.receipts(me, conversation_id)).decode(),
        members=members[:PANEL_MEMBERS],
        members_left_out=max(len(members) - PANEL_MEMBERS, 0),
        last_shown=history.results[-1].seq if history.results else 0,
        panel=request.GET.get("panel") == "members",
        form=form or SendForm.fresh(body=mine.draft, reply_to_id=reply.id if reply else None),
        reply=reply,
    )


def _quoted(me: int, conversation_id: int, text: str | None) -> MessageShape | None:
    """The message that is being answered; none if there is none to see here."""
    if (message_id := number(text)) is None:
        return None
    try:
        quoted = reading.message(me, message_id)
    except Refused:
        return None
    return quoted if quoted.conversation_id == conversation_id and not quoted.deleted_at else None


def _names(wanted: Iterable[int], known: dict[int, str]) -> dict[int, str]:
    """Also of those who have left: one look-up for all of them."""
    missing = [pk for pk in wanted if pk not in known]
    if not missing:
        return known
    return known | {user.pk: user.shown_name for user in User.objects.filter(pk__in=missing)}


@command
def send(request: HttpRequest, conversation_id: int) -> HttpResponse:
    form = SendForm(request.POST)
    if not form.is_valid():
        return conversation_page(request, conversation_id, form, 400)
    said = form.cleaned_data
    try:
        message, _created = actions.send(
            request.user.pk, conversation_id, said["client_id"], said["body"], reply_to_id=said["reply_to_id"]
        )
    except Refused as refusal:
        if refusal.code not in HANDLED:
            raise
        form.refuse(refusal)
        if refusal.code == "conflict":
            form.anew()
        return conversation_page(request, conversation_id, form, refusal.status)
    return redirect(_place(message))


def _place(message: MessageShape) -> str:
    return f"{reverse('conversation', args=[message.conversation_id])}#m-{message.seq}"


@command
def mark_read(request: HttpRequest, conversation_id: int) -> HttpResponse:
    said = _valid(ReadForm(request.POST))
    actions.read(request.user.pk, conversation_id, said["seq"], back=said["back"])
    return back(request, "conversation", conversation_id)


@command
def set_mine(request: HttpRequest, conversation_id: int) -> HttpResponse:
    form = MineForm(request.POST)
    _valid(form)
    actions.set_mine(request.user.pk, conversation_id, form.changes())
    return back(request, "conversation", conversation_id)


def _valid(form: RefusableForm) -> dict[str, Any]:
    """What a form without a page of its own says; a refusal where it makes no sense."""
    if not form.is_valid():
        raise invalid(**{name: words[0] for name, words in form.errors.items()})
    return form.cleaned_data


# ── New conversations, people ────────────────────────────────────────────────────────────────────────────────────
@page
def new_conversation(request: HttpRequest) -> HttpResponse:
    return new_page(request, GroupForm())


def new_page(request: HttpRequest, form: GroupForm, status: int = 200) -> HttpResponse:
    """Search by address: whoever is chosen stays in it, so that it works without scripts and with the back button."""
    q = request.GET.get("q", "").strip()[:80]
    source = request.POST.getlist("user_ids") or request.GET.getlist("user")
    chosen_ids = [pk for text in source if (pk := number(text))][:CHOSEN]
    found = directory.find(request.user.pk, q)
    return draw(
        request,
        "chat/new.html",
        status,
        q=q,
        form=form,
        found=[user for user in found if user.pk not in chosen_ids],
        chosen=_chosen(request.user.pk, chosen_ids),
    )


def _chosen(me: int, ids: list[int]) -> list[User]:
    by_id = User.objects.filter(is_active=True).exclude(pk=me).in_bulk(ids)
    return [by_id[pk] for pk in dict.fromkeys(ids) if pk in by_id]


@command
def new_direct(request: HttpRequest) -> HttpResponse:
    said = _valid(DirectForm(request.POST))
    shape, _created = actions.open_direct(request.user.pk, said["user_id"])
    return redirect("conversation", shape.id)


@command
def new_group(request: HttpRequest) -> HttpResponse:
    form = GroupForm(request.POST)
    if not form.is_valid():
        return new_page(request, form, 400)
    try:
        shape = actions.create_group(request.user.pk, form.cleaned_data["title"], form.cleaned_data["user_ids"])
    except Refused as refusal:
        if refusal.code not in HANDLED:
            raise
        form.refuse(refusal)
        return new_page(request, form, refusal.status)
    return redirect("conversation", shape.id)


@page
def people(request: HttpRequest) -> HttpResponse:
    q = request.GET.get("q", "").strip()[:80]
    return draw(request, "chat/people.html", q=q, found=directory.find(request.user.pk, q, limit=50))


# ── A group's settings ───────────────────────────────────────────────────────────────────────────────────────────
@page
def group_settings(request: HttpRequest, conversation_id: int) -> HttpResponse:
    me = request.user.pk
    if request.method != "POST":
        return settings_page(request, conversation_id)
    form = GroupSettingsForm(request.POST)
    if not form.is_valid():
        return settings_page(request, conversation_id, form, 400)
    try:
        actions.update(me, conversation_id, form.cleaned_data)
    except Refused as refusal:
        if refusal.code not in HANDLED:
            raise
        form.refuse(refusal)
        return settings_page(request, conversation_id, form, refusal.status)
    messages.success(request, _("Saved."))
    return redirect("group_settings", conversation_id)


def settings_page(
    request: HttpRequest, conversation_id: int, form: GroupSettingsForm | None = None, status: int = 200
) -> HttpResponse:
    me = request.user.pk
    shape = reading.conversation(me, conversation_id)
    if shape.kind != "group":
        raise not_found()
    may = offers(shape, me)
    members = reading.members(me, conversation_id)
    here = {member.user.id for member in members}
    q = request.GET.get("q", "").strip()[:80]
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
def add_members(request: HttpRequest, conversation_id: int) -> HttpResponse:
    said = _valid(PeopleForm(request.POST))
    added = actions.add_members(request.user.pk, conversation_id, said["user_ids"])
    count = len(added)
    messages.success(request, ngettext("%(n)d person added.", "%(n)d people added.", count) % {"n": count})
    return back(request, "group_settings", conversation_id)


@command
def remove_member(request: HttpRequest, conversation_id: int, user_id: int) -> HttpResponse:
    actions.remove_member(request.user.pk, conversation_id, user_id)
    if user_id == request.user.pk:
        messages.success(request, _("You have left the group."))
        return redirect("home")
    messages.success(request, _("Removed."))
    return back(request, "group_settings", conversation_id)


@command
def set_role(request: HttpRequest, conversation_id: int, user_id: int) -> HttpResponse:
    said = _valid(RoleForm(request.POST))
    actions.set_role(request.user.pk, conversation_id, user_id, said["role"])
    messages.success(request, _("Saved."))
    return back(request, "group_settings", conversation_id)


@command
def delete_group(request: HttpRequest, conversation_id: int) -> HttpResponse:
    actions.delete_group(request.user.pk, conversation_id)
    messages.success(request, _("The group is deleted."))
    return redirect("home")


# ── One message ──────────────────────────────────────────────────────────────────────────────────────────────────
@page
def message(request: HttpRequest, message_id: int) -> HttpResponse:
    """A permanent address of a message: the conversation, opened at its place."""
    shape = reading.message(request.user.pk, message_id)
    url = reverse("conversation", args=[shape.conversation_id])
    return redirect(f"{url}?at={shape.seq}#m-{shape.seq}")


@page
def message_actions(request: HttpRequest, message_id: int) -> HttpResponse:
    return actions_page(request, message_id)


def actions_page(
    request: HttpRequest,
    message_id: int,
    *,
    edit: EditForm | None = None,
    report: ReportForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """All that can be done with one message, as plain forms."""
    me = request.user.pk
    shape = reading.message(me, message_id)
    if shape.kind != "text":
        raise not_found()
    home = reading.conversation(me, shape.conversation_id)
    may = offers(home, me)
    names = {member.user.id: member.user.name for member in reading.members(me, home.id)}
    line = lines([shape], me=me)[0]
    return draw(
        request,
        "chat/message.html",
        status,
        conversation=home,
        title=title_of(home),
        message=shape,
        line=line,
        pressed={reaction.emoji for reaction in line.reactions if reaction.mine},
        seen=[
            {"name": names[receipt.user_id], "receipt": receipt}
            for receipt in reading.message_receipts(me, message_id)
            if receipt.user_id in names
        ],
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
def edit_message(request: HttpRequest, message_id: int) -> HttpResponse:
    form = EditForm(request.POST)
    if not form.is_valid():
        return actions_page(request, message_id, edit=form, status=400)
    try:
        shape = actions.edit(request.user.pk, message_id, form.cleaned_data["body"])
    except Refused as refusal:
        if refusal.code not in HANDLED:
            raise
        form.refuse(refusal)
        return actions_page(request, message_id, edit=form, status=refusal.status)
    return redirect(_there(shape))


@command
def delete_message(request: HttpRequest, message_id: int) -> HttpResponse:
    shape = actions.delete(request.user.pk, message_id)
    return redirect(_there(shape))


@command
def react(request: HttpRequest, message_id: int) -> HttpResponse:
    said = _valid(ReactForm(request.POST))
    shape = actions.react(request.user.pk, message_id, said["add"] or said["remove"], bool(said["add"]))
    return redirect(_there(shape))


@command
def pin(request: HttpRequest, message_id: int) -> HttpResponse:
    said = _valid(ActiveForm(request.POST))
    shape = actions.pin(request.user.pk, message_id, said["active"])
    return redirect(_there(shape))


@command
def report_message(request: HttpRequest, message_id: int) -> HttpResponse:
    form = ReportForm(request.POST)
    if not form.is_valid():
        return actions_page(request, message_id, report=form, status=400)
    shape = reading.message(request.user.pk, message_id)
    actions.report(request.user.pk, message_id, form.cleaned_data["reason"])
    messages.success(request, _("The moderators have your report. Thank you."))
    return redirect(_there(shape))


def _there(shape: MessageShape) -> str:
    """The conversation where this message stands, however old it is."""
    return f"{reverse('conversation', args=[shape.conversation_id])}?at={shape.seq}#m-{shape.seq}"


@page
def forward_message(request: HttpRequest, message_id: int) -> HttpResponse:
    me = request.user.pk
    shape = reading.message(me, message_id)
    if shape.kind != "text" or shape.deleted_at:
        raise not_found()
    form = ForwardForm(request.POST or None, initial=SendForm.fresh().initial)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            sent, _created = actions.send(me, said["conversation_id"], said["client_id"], "", forward_id=message_id)
            return redirect(_place(sent))
        except Refused as refusal:
            if refusal.code not in HANDLED:
                raise
            form.refuse(refusal)
    return draw(
        request,
        "chat/forward.html",
        200 if not form.errors else 400,
        message=shape,
        line=lines([shape], me=me)[0],
        form=form,
    )


@page
def revisions(request: HttpRequest, message_id: int) -> HttpResponse:
    me = request.user.pk
    shape = reading.message(me, message_id)
    return draw(
        request,
        "chat/revisions.html",
        message=shape,
        line=lines([shape], me=me)[0],
        revisions=reading.revisions(me, message_id),
    )


# ── Mentions ─────────────────────────────────────────────────────────────────────────────────────────────────────
@page
def mentions(request: HttpRequest) -> HttpResponse:
    me = request.user.pk
    found, after = reading.mentions(me, before=number(request.GET.get("before")))
    listing = Listing(me, request.GET)
    return draw(
        request,
        "chat/mentions.html",
        listing=listing,
        lines=[{"line": line, "where": listing.title(line.message.conversation_id)} for line in lines(found, me=me)],
        after=after,
    )
