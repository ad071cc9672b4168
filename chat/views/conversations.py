"""The list of conversations, the page of a conversation, and views for forms of this page.

The forms send messages, and change what a conversation stores for the current user only (read marker, mute …).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts import actions as account_actions
from accounts import unsent_forms
from accounts.schemas import UserSchema
from accounts.selectors import users
from accounts.selectors.mutes import group_mute_error
from chat import actions, selectors
from chat.attachments.uploads import format_megabytes
from chat.cursors import encode_cursor
from chat.forms import MemberStateForm, ReadMarkerForm, SendForm
from chat.schemas import MessageSchema, MineSchema
from chat.selectors.retention import find_retention_days
from chat.view_models import start_position
from chat.view_models.allowed_actions import get_allowed_actions
from chat.view_models.conversation_list import ConversationList
from chat.view_models.message_log import (
    attach_receipt_marks,
    build_message_items,
    collect_named_user_ids,
    conversation_title,
)
from chat.views.common import (
    add_form_errors,
    conversation_url_at,
    get_cleaned_data,
    get_message_search_text,
    newest_message_url,
    render_page,
    store_posted_files,
    warn_of_ignored_mention,
)
from chat.views.decorators import AuthenticatedRequest, page_view, post_view, redirect_back
from messenger.core.errors import ApplicationError
from messenger.core.numbers import parse_id

PANEL_MEMBERS = 100  # members in the side panel; the settings page lists all of a larger group


@page_view
def home(request: AuthenticatedRequest) -> HttpResponse:
    return render_page(request, "chat/home.html")


@page_view
def conversation_list(request: AuthenticatedRequest) -> HttpResponse:
    """Renders only the list of the user's conversations, without the page around it.

    Browser scripts load it when the user chooses a filter, searches, or scrolls to older conversations.
    """
    listing = ConversationList(request.user.pk, request.GET, request.user.blocked_ids)
    listing.current_id = parse_id(request.GET.get("here"))
    return render_page(request, "chat/list/_conversation_list.html", listing=listing)


@post_view
def dismiss_hints(request: AuthenticatedRequest) -> HttpResponse:
    """Hides the hints for new users (how to begin) permanently, on all devices of the user."""
    account_actions.dismiss_hints(request.user.pk)
    return redirect("home")


@page_view
def conversation(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    """Shows the page of a conversation. `?on=2026-11-21` redirects to the first message of that day or a later day.

    `?q=` are the words of a search in this conversation, which a script marks in the messages.
    """
    day = start_position.parse_day(request.GET.get("on"))
    if day and (url := _find_day_url(request, conversation_id, day)):
        return redirect(url)
    return render_conversation(request, conversation_id)


def _find_day_url(request: AuthenticatedRequest, conversation_id: int, day: date) -> str | None:
    """Returns the URL of the first message of a conversation on `day` or later, None if there is no such message."""
    seq = selectors.find_first_seq_since(request.user.pk, conversation_id, start_position.start_of_day(day))
    return conversation_url_at(conversation_id, seq) if seq else None


def render_conversation(
    request: AuthenticatedRequest, conversation_id: int, form: SendForm | None = None, status: int = 200
) -> HttpResponse:
    user_id = request.user.pk
    membership = selectors.get_membership(user_id, conversation_id)
    membership.user = request.user  # saves a query
    conversation = selectors.opened_conversation_schema(membership)
    member_state = conversation.mine
    assert isinstance(member_state, MineSchema)
    positions = {name: parse_id(request.GET.get(name)) for name in ("before", "after", "at")}
    history = start_position.get_initial_page(
        membership.conversation, member_state, positions, newest="newest" in request.GET
    )
    members, members_cursor = selectors.get_members_page(conversation_id, limit=PANEL_MEMBERS)
    creator_id = membership.conversation.creator_id
    named_ids = collect_named_user_ids(history.results) | ({creator_id} if creator_id else set())
    names = _complete_names({member.user.id: member.user.name for member in members}, named_ids)
    is_group = conversation.kind == "group"
    # The owner and the admins come first in the list of members.
    roles = {member.user.id: member.role for member in members if is_group and member.role != "member"}
    reply = _find_replied_message(user_id, conversation_id, request.POST.get("reply_to_id") or request.GET.get("reply"))
    items = build_message_items(
        history.results,
        user_id=user_id,
        member_state=member_state,
        from_start=not history.has_before,
        names=names,
        blocked=request.user.blocked_ids,
        roles=roles,
    )
    receipts = selectors.list_receipts_for_member(membership)
    attach_receipt_marks(items, receipts)
    panel = is_group and request.GET.get("panel") == "members"
    return render_page(
        request,
        "chat/conversation/conversation.html",
        status,
        conversation=conversation,
        mine=member_state,
        title=conversation_title(conversation),
        allowed=get_allowed_actions(conversation, user_id),
        history=history,
        items=items,
        is_group=is_group,
        roles=msgspec.json.encode(roles).decode(),
        opens_at_start=positions["after"] is not None,
        opens_at=positions["at"],
        search_text=get_message_search_text(request),
        began=timezone.localtime(membership.conversation.created_at),
        creator=names.get(creator_id or 0),
        creator_id=creator_id,
        creator_is_me=creator_id == user_id,
        retention_days=find_retention_days(conversation.retention_days),
        peer_is_deleted=_is_deleted(conversation.peer),
        group_mute=group_mute_error(membership.muted_until),
        is_first_member=membership.joined_at == membership.conversation.created_at,
        receipts=msgspec.json.encode(receipts).decode(),
        members=members,
        members_after=encode_cursor(members_cursor),
        pin_ids=selectors.list_pin_ids(conversation_id),
        last_shown=history.results[-1].seq if history.results else 0,
        panel=panel,
        members_here=selectors.list_online_members(user_id, conversation_id).user_ids if panel else (),
        form=form
        or SendForm.create_unbound(
            body=unsent_forms.pop_form(request).get("body") or member_state.draft,
            reply_to_id=reply.id if reply else None,
        ),
        reply=reply,
        files={
            "most": settings.FILES_AT_ONCE,
            "limit": settings.FILE_LIMIT,
            "limit_words": format_megabytes(settings.FILE_LIMIT),
        },
    )


def _is_deleted(peer: UserSchema | None) -> bool:
    """Returns whether the other user of a direct conversation has deleted the account. In a group `peer` is None."""
    user = users.find_user(peer.id) if peer else None
    return user is not None and user.deleted_at is not None


def _find_replied_message(user_id: int, conversation_id: int, message_id_text: str | None) -> MessageSchema | None:
    """Returns the message to which the user is going to reply. `message_id_text` is its id.

    Returns None if the conversation has no such message, or if the user may not see it.
    """
    if (message_id := parse_id(message_id_text)) is None:
        return None
    try:
        message = selectors.get_message(user_id, message_id)
    except ApplicationError:
        return None
    return message if message.conversation_id == conversation_id and not message.deleted_at else None


def _complete_names(names: dict[int, str], user_ids: Iterable[int]) -> dict[int, str]:
    """Returns display names by user id: those in `names`, and those of users in `user_ids` who are not in `names`.

    For example, `names` has the names of the members, but a page also shows the names of former members.
    """
    return names | users.get_display_names(user_id for user_id in user_ids if user_id not in names)


@post_view
def send(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    form = SendForm(request.POST)
    if not form.is_valid():
        return render_conversation(request, conversation_id, form, 400)
    data = form.cleaned_data
    try:
        message, _created = actions.send_message(
            request.user.pk,
            conversation_id,
            data["client_id"],
            data["body"],
            reply_to_id=data["reply_to_id"],
            attachment_ids=store_posted_files(request, conversation_id, data["client_id"]),
        )
    except ApplicationError as error:
        status = add_form_errors(form, error)
        if error.code == "conflict":
            form.renew_client_id()
        return render_conversation(request, conversation_id, form, status)
    warn_of_ignored_mention(request, message)
    # The draft may come from another device. Its text is sent now.
    actions.update_member_state(request.user.pk, conversation_id, {"draft": ""})
    return redirect(newest_message_url(message))


@post_view
def mark_read(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    data = get_cleaned_data(ReadMarkerForm(request.POST))
    actions.mark_read(request.user.pk, conversation_id, data["seq"], back=data["back"])
    return redirect_back(request, "conversation", conversation_id)


@post_view
def update_member_state(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    """Changes what a conversation stores for the current user only: muted, archived, favourite and others.

    Also marks the conversation as read or unread.
    """
    form, user_id = MemberStateForm(request.POST), request.user.pk
    read = get_cleaned_data(form)["read"]
    if read == "on":
        last_seq = selectors.get_membership(user_id, conversation_id).conversation.last_seq
        actions.mark_read(user_id, conversation_id, last_seq)
    elif read == "off":
        actions.mark_read(user_id, conversation_id, None, back=True)
    if changes := form.changes():
        actions.update_member_state(user_id, conversation_id, changes)
    return redirect_back(request, "conversation", conversation_id)
