"""The list, a conversation, and what one does in it as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from chat import actions, selectors
from chat.attachments.selectors import sent_under
from chat.attachments.uploads import megabytes, store_whole
from chat.forms import MineForm, ReadForm, SendForm
from chat.schemas import MessageSchema, MineSchema
from chat.selectors import opened_conversation_schema, receipts_for_member
from chat.serializers import MemberCursor
from chat.view_models import receipt_marks, start_position
from chat.view_models.conversation_list import Listing
from chat.view_models.message_log import lines, people_in, title_of
from chat.view_models.permissions import offers
from chat.views.common import at_the_end, draw, number, place_in, said, take
from chat.views.decorators import PersonalRequest, back, command, page
from messenger.core.errors import ApplicationError, invalid

PANEL_MEMBERS = 100  # of a larger group the panel names so many at first, and the settings page all


@page
def home(request: PersonalRequest) -> HttpResponse:
    return draw(request, "chat/home.html")


@page
def conversation_list(request: PersonalRequest) -> HttpResponse:
    """The list alone, for scripts: another filter, a search, older conversations."""
    listing = Listing(request.user.pk, request.GET, request.user.blocked_ids)
    listing.here = number(request.GET.get("here"))
    return draw(request, "chat/list/_conversation_list.html", listing=listing)


@command
def dismiss_hints(request: PersonalRequest) -> HttpResponse:
    """The first steps are put away, for good and on every device."""
    User.objects.filter(pk=request.user.pk).update(hints_done=True)
    return redirect("home")


@page
def conversation(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    if (day := start_position.day_in(request.GET.get("on"))) and (place := _place_of(request, conversation_id, day)):
        return redirect(place)
    return conversation_page(request, conversation_id)


def _place_of(request: PersonalRequest, conversation_id: int, day: date) -> str | None:
    """Where a day begins, or the days after it if nothing was said then; None where nothing was said since."""
    seq = selectors.first_seq_since(request.user.pk, conversation_id, start_position.start_of(day))
    return place_in(conversation_id, seq) if seq else None


def conversation_page(
    request: PersonalRequest, conversation_id: int, form: SendForm | None = None, status: int = 200
) -> HttpResponse:
    me = request.user.pk
    row = selectors.get_membership(me, conversation_id)
    row.user = request.user  # at hand: nobody need ask for who sits there
    shape = opened_conversation_schema(row)
    mine = shape.mine
    assert isinstance(mine, MineSchema)
    asked = {name: number(request.GET.get(name)) for name in ("before", "after", "at")}
    history = start_position.page_of(row.conversation, mine, asked, newest="newest" in request.GET)
    seats, members_after = selectors.members_page(conversation_id, limit=PANEL_MEMBERS)
    creator = row.conversation.creator_id
    wanted = people_in(history.results) | ({creator} if creator else set())
    names = _names(wanted, {member.user.id: member.user.name for member in seats})
    reply = _quoted(me, conversation_id, request.POST.get("reply_to_id") or request.GET.get("reply"))
    blocked = request.user.blocked_ids
    shown = lines(history.results, me=me, mine=mine, from_start=not history.has_before, names=names, blocked=blocked)
    panel = shape.kind == "group" and request.GET.get("panel") == "members"
    receipts = receipts_for_member(row)
    receipt_marks.put(shown, receipts)
    return draw(
        request,
        "chat/conversation/conversation.html",
        status,
        conversation=shape,
        mine=mine,
        title=title_of(shape),
        offers=offers(shape, me),
        history=history,
        lines=shown,
        ticks_in_group=shape.kind == "group",
        opens_at_start=asked["after"] is not None,
        began=timezone.localtime(row.conversation.created_at),
        creator=names.get(creator or 0),
        creator_id=creator,
        creator_is_me=creator == me,
        receipts=msgspec.json.encode(receipts).decode(),
        members=seats,
        members_after=MemberCursor.written(members_after),
        pin_ids=selectors.list_pin_ids(conversation_id),
        last_shown=history.results[-1].seq if history.results else 0,
        panel=panel,
        members_here=selectors.list_online_members(me, conversation_id).user_ids if panel else (),
        form=form or SendForm.fresh(body=mine.draft, reply_to_id=reply.id if reply else None),
        reply=reply,
        files={
            "most": settings.FILES_AT_ONCE,
            "limit": settings.FILE_LIMIT,
            "limit_words": megabytes(settings.FILE_LIMIT),
        },
    )


def _quoted(me: int, conversation_id: int, text: str | None) -> MessageSchema | None:
    """The message that is being answered; none if there is none to see here."""
    if (message_id := number(text)) is None:
        return None
    try:
        quoted = selectors.get_message(me, message_id)
    except ApplicationError:
        return None
    return quoted if quoted.conversation_id == conversation_id and not quoted.deleted_at else None


def _names(wanted: Iterable[int], known: dict[int, str]) -> dict[int, str]:
    """Also of those who have left: one look-up for all of them."""
    missing = [pk for pk in wanted if pk not in known]
    if not missing:
        return known
    return known | {user.pk: user.shown_name for user in User.objects.filter(pk__in=missing)}


@command
def send(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    form = SendForm(request.POST)
    if not form.is_valid():
        return conversation_page(request, conversation_id, form, 400)
    given = form.cleaned_data
    try:
        message, _created = actions.send(
            request.user.pk,
            conversation_id,
            given["client_id"],
            given["body"],
            reply_to_id=given["reply_to_id"],
            attachment_ids=_brought(request, conversation_id, given["client_id"]),
        )
    except ApplicationError as refusal:
        status = take(form, refusal)
        if refusal.code == "conflict":
            form.anew()
        return conversation_page(request, conversation_id, form, status)
    actions.set_mine(
        request.user.pk, conversation_id, {"draft": ""}
    )  # begun on another device, perhaps; it is said now
    return redirect(at_the_end(message))


def _brought(request: PersonalRequest, conversation_id: int, client_id: UUID) -> list[int]:
    """Files that came with the form. The same form posted twice keeps them once, so that it is one message."""
    given = [each for each in request.FILES.getlist("files") if each.name]
    if not given:
        return []
    selectors.get_membership(request.user.pk, conversation_id)
    if (sent := sent_under(request.user.pk, client_id)) is not None:
        return sent
    if len(given) > settings.FILES_AT_ONCE:
        raise invalid(body=_("At most %(limit)s files at once.") % {"limit": settings.FILES_AT_ONCE})
    return [store_whole(request.user.pk, str(each.name), each.size or 0, each.chunks()).pk for each in given]


@command
def mark_read(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    given = said(ReadForm(request.POST))
    actions.read(request.user.pk, conversation_id, given["seq"], back=given["back"])
    return back(request, "conversation", conversation_id)


@command
def set_mine(request: PersonalRequest, conversation_id: int) -> HttpResponse:
    form = MineForm(request.POST)
    wanted, me = said(form)["read"], request.user.pk
    if wanted == "on":
        actions.read(me, conversation_id, selectors.get_membership(me, conversation_id).conversation.last_seq)
    elif wanted == "off":
        actions.mark_unread(me, conversation_id)
    if changes := form.changes():
        actions.set_mine(me, conversation_id, changes)
    return back(request, "conversation", conversation_id)
