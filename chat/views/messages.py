"""Page views of a single message: its URL, its actions, forwarding, receipts and earlier versions."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import unsent_forms
from accounts.selectors import users
from chat import actions, selectors
from chat.actions.forwarding import MAX_TARGETS
from chat.forms import EditForm, ForwardForm, PinForm, ReactionForm, ReportForm, SendForm
from chat.message_kinds import KINDS
from chat.schemas import MessageSchema
from chat.view_models.allowed_actions import get_allowed_actions
from chat.view_models.forward_targets import ForwardTargets
from chat.view_models.message_log import build_message_items, conversation_title
from chat.view_models.message_versions import build_message_versions
from chat.views.common import (
    add_form_errors,
    get_cleaned_data,
    get_message_search_text,
    message_url,
    newest_message_url,
    render_page,
    warn_of_ignored_mention,
)
from chat.views.decorators import AuthenticatedRequest, form_view, page_view, post_view
from messenger.core.errors import ApplicationError, error_message, not_found
from messenger.core.numbers import parse_id


@page_view
def message(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    """Redirects from the permanent URL of a message to the page of its conversation, opened at this message.

    `?q=` are the words of the search that found it. They stay in the URL, so that the page marks them.
    """
    message = selectors.get_message(request.user.pk, message_id)
    return redirect(message_url(message, get_message_search_text(request)))


@page_view
def message_actions(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    return render_message_actions(request, message_id)


def render_message_actions(
    request: AuthenticatedRequest,
    message_id: int,
    *,
    edit_form: EditForm | None = None,
    report_form: ReportForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Renders a page with a form for each action on a message (reply, edit, delete, …).

    The page is for browsers without scripts.
    """
    user_id = request.user.pk
    message = selectors.get_message(user_id, message_id)
    if not KINDS[message.kind].actions:
        raise not_found()
    conversation = selectors.get_conversation(user_id, message.conversation_id)
    allowed = get_allowed_actions(conversation, user_id)
    item = build_message_items([message], user_id=user_id)[0]
    unsent = unsent_forms.pop_form(request)
    return render_page(
        request,
        "chat/message/actions.html",
        status,
        **_details_context(request, message),
        conversation=conversation,
        title=conversation_title(conversation),
        item=item,
        own_emoji={reaction.emoji for reaction in item.reactions if reaction.is_own},
        may_edit=allowed.can("edit", message),
        may_delete=allowed.can("delete", message),
        may_pin=allowed.can("pin", message),
        may_report=allowed.can("report", message),
        may_see_revisions=bool(message.edited_at) and allowed.can("revisions", message),
        edit=edit_form or EditForm(initial={"body": unsent.get("body") or message.body}),
        report=report_form or ReportForm(initial={name: unsent[name] for name in ("kind", "reason") if name in unsent}),
        allowed=allowed,
    )


@post_view
def edit_message(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    form = EditForm(request.POST)
    if not form.is_valid():
        return render_message_actions(request, message_id, edit_form=form, status=400)
    try:
        message = actions.edit_message(request.user.pk, message_id, form.cleaned_data["body"])
    except ApplicationError as error:
        return render_message_actions(request, message_id, edit_form=form, status=add_form_errors(form, error))
    warn_of_ignored_mention(request, message)
    return redirect(message_url(message))


@post_view
def delete_message(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    return redirect(message_url(actions.delete_message(request.user.pk, message_id)))


@post_view
def react(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    data = get_cleaned_data(ReactionForm(request.POST))
    message = actions.set_reaction(request.user.pk, message_id, data["add"] or data["remove"], bool(data["add"]))
    return redirect(message_url(message))


@post_view
def pin(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    data = get_cleaned_data(PinForm(request.POST))
    return redirect(message_url(actions.set_pinned(request.user.pk, message_id, data["active"])))


@post_view
def report_message(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    form = ReportForm(request.POST)
    if not form.is_valid():
        return render_message_actions(request, message_id, report_form=form, status=400)
    message = selectors.get_message(request.user.pk, message_id)
    actions.report_message(request.user.pk, message_id, form.cleaned_data["reason"], form.cleaned_data["kind"])
    messages.success(request, _("Report sent to the moderators. Thank you."))
    return redirect(message_url(message))


@form_view
def forward_message(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    """Asks to which conversations a message is forwarded. POST forwards it, or searches if the button was `search`.

    If the message cannot be forwarded to some of the conversations, the page is shown again with their errors, and only
    they are still selected. A script that shows the page as a dialog asks for JSON, and gets an empty response when the
    message was forwarded to all.
    """
    user_id = request.user.pk
    message = selectors.get_message(user_id, message_id)
    if "forward" not in KINDS[message.kind].actions or message.deleted_at:
        raise not_found()
    is_search = "search" in request.POST
    words = unsent_forms.pop_form(request).get("body", "")
    form = ForwardForm(request.POST or None, initial={**SendForm.create_unbound().initial, "body": words})
    targets = ForwardTargets(user_id, request.POST.get("find", ""), form.chosen_ids)
    status = 200
    if request.method == "POST" and not is_search:
        if form.is_valid():
            if not targets.contains(form.cleaned_data["conversation_id"]):
                raise not_found()
            forwarded, refused = _forward(user_id, message_id, form)
            if not refused:
                return _redirect_after_forwarding(request, message, forwarded, targets)
            targets.mark_refused({pk: error_message(error) for pk, error in refused.items()}, list(forwarded))
            status = next(iter(refused.values())).status
        else:
            status = 400
    return render_page(
        request,
        "chat/message/forward.html",
        status,
        message=message,
        item=build_message_items([message], user_id=user_id)[0],
        form=form,
        error=form.first_error() if status == 400 and not is_search else "",
        targets=targets,
        max_targets=MAX_TARGETS,
    )


def _forward(
    user_id: int, message_id: int, form: ForwardForm
) -> tuple[dict[int, MessageSchema], dict[int, ApplicationError]]:
    """Forwards a message. Returns the forwarded messages and the errors, by conversation id."""
    data = form.cleaned_data
    outcomes = actions.forward_message(
        user_id, message_id, data["conversation_id"], data["client_id"], data["body"].strip()
    )
    forwarded = {pk: outcome for pk, outcome in outcomes.items() if isinstance(outcome, MessageSchema)}
    refused = {pk: outcome for pk, outcome in outcomes.items() if isinstance(outcome, ApplicationError)}
    return forwarded, refused


def _redirect_after_forwarding(
    request: AuthenticatedRequest,
    message: MessageSchema,
    forwarded: dict[int, MessageSchema],
    targets: ForwardTargets,
) -> HttpResponse:
    """Redirects after a message was forwarded. A script that asks for JSON gets an empty response instead.

    If the message was forwarded to one conversation, opens this conversation. Otherwise opens the original message and
    shows the names of all conversations in a flash message.
    """
    if request.headers.get("Accept") == "application/json":
        return HttpResponse(status=204)
    if len(forwarded) == 1:
        return redirect(newest_message_url(next(iter(forwarded.values()))))
    messages.success(request, _("Forwarded to %(names)s.") % {"names": targets.format_names(list(forwarded))})
    return redirect(message_url(message))


@page_view
def message_details(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    """Shows who has received and read a message, and who has reacted to it."""
    message = selectors.get_message(request.user.pk, message_id)
    if "details" not in KINDS[message.kind].actions or message.deleted_at:
        raise not_found()
    return render_page(
        request,
        "chat/message/message_details.html",
        item=build_message_items([message], user_id=request.user.pk)[0],
        **_details_context(request, message),
    )


RECEIPTS_PER_PAGE = 50


def _receipt_lists(request: AuthenticatedRequest, message: MessageSchema) -> dict[str, dict[str, Any]]:
    """Returns the lists of members who have read a message, who have only received it, and who have not received it.

    The first two have the newest first. Members who do not let the current user see this are in none of the lists. Each
    list has the rows that the page shows (user id and time), the number of all rows, and the URL that shows more. The
    URL parameter with the name of a list is the number of its rows that are shown.
    """
    user_id = request.user.pk
    receipts = selectors.list_message_receipts(user_id, message.id)
    receipts.sort(key=lambda receipt: receipt.read_at or receipt.delivered_at or "", reverse=True)
    not_waiting = {message.sender.id, *(receipt.user_id for receipt in receipts)}
    sharing_ids = selectors.list_receipt_sharing_ids(user_id, message.conversation_id)
    lists: dict[str, list[tuple[int, str | None]]] = {
        "seen": [(row.user_id, row.read_at) for row in receipts if row.read_at],
        "delivered": [(row.user_id, row.delivered_at) for row in receipts if not row.read_at],
        "waiting": [(member_id, None) for member_id in sharing_ids if member_id not in not_waiting],
    }
    shown = {name: parse_id(request.GET.get(name)) or RECEIPTS_PER_PAGE for name in lists}
    return {
        name: {
            "rows": rows[: shown[name]],
            "total": len(rows),
            "more": len(rows) > shown[name] and "?" + urlencode(shown | {name: shown[name] + RECEIPTS_PER_PAGE}),
        }
        for name, rows in lists.items()
    }


def _details_context(request: AuthenticatedRequest, message: MessageSchema) -> dict[str, Any]:
    """Returns the template context that shows who has received, read and reacted to a message."""
    lists = _receipt_lists(request, message)
    reactor_ids = {user_id for reaction in message.reactions for user_id in reaction.user_ids}
    reactor_ids = selectors.filter_members(message.conversation_id, {*reactor_ids, message.sender.id}) & reactor_ids
    people = users.get_users({user_id for shown in lists.values() for user_id, _at in shown["rows"]} | reactor_ids)
    for shown in lists.values():
        shown["rows"] = [(people[user_id], at) for user_id, at in shown["rows"]]
    return {
        "message": message,
        "receipts": lists,
        "receipts_off": not selectors.shows_receipts(request.user.pk, message.conversation_id),
        "reactions": [
            {
                "emoji": reaction.emoji,
                "users": [people[reactor_id] for reactor_id in reaction.user_ids if reactor_id in reactor_ids],
                "count": len(reaction.user_ids),
            }
            for reaction in message.reactions
        ],
    }


@page_view
def revisions(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    """Shows all versions of an edited message, newest first, each with its differences from the version before."""
    user_id = request.user.pk
    message = selectors.get_message(user_id, message_id)
    revisions = selectors.list_revisions(user_id, message_id)
    return render_page(
        request,
        "chat/message/revisions.html",
        message=message,
        item=build_message_items([message], user_id=user_id)[0],
        versions=build_message_versions(message, revisions),
        edited=bool(revisions),
    )
