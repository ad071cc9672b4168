"""Functions that several page views use: rendering, form errors and URLs of messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from chat import selectors
from chat.attachments.selectors import list_sent_attachment_ids
from chat.attachments.uploads import store_upload
from chat.forms import BaseForm
from chat.schemas import MessageSchema
from chat.search.query import MAX_QUERY_LENGTH
from chat.view_models.conversation_list import ConversationList
from chat.view_models.message_log import conversation_title, has_ignored_mention_of_everybody
from chat.views.decorators import AuthenticatedRequest
from messenger.core.errors import ApplicationError, invalid
from messenger.core.numbers import parse_id

T = TypeVar("T")
FORM_ERROR_CODES = {"invalid", "conflict", "rate_limited", "too_large"}  # shown in the form, which keeps the input
MAX_SEARCH_LENGTH = 80  # characters of a search query


def get_search_query(request: AuthenticatedRequest) -> str:
    """Returns the search text from the URL parameter `q`."""
    return request.GET.get("q", "").strip()[:MAX_SEARCH_LENGTH]


def get_message_search_text(request: AuthenticatedRequest) -> str:
    """Returns the words and operators of a search for messages from the URL parameter `q`."""
    return request.GET.get("q", "").strip()[:MAX_QUERY_LENGTH]


def render_page(request: AuthenticatedRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    """Renders a page that shows the list of the user's conversations beside its own content.

    The list makes its database queries only if the template `template` uses the list.
    """
    listing = context.setdefault("listing", ConversationList(request.user.pk, request.GET, request.user.blocked_ids))
    listing.is_omitted = request.headers.get("X-Visit") == "1"  # static/js/ui/page-navigation.js
    if listing.current_id is None and "history" in context:
        listing.open_conversation = context["conversation"]
        listing.current_id = context["conversation"].id
    return render(request, template, context, status=status)


def render_group_list(
    request: AuthenticatedRequest,
    template: str,
    conversation_id: int,
    name: str,
    list_rows: Callable[[int, int, int | None], tuple[list[Any], int | None]],
) -> HttpResponse:
    """Renders a page of a long list that belongs to a group, newest first.

    `list_rows` gets the user, the group and the cursor (the URL parameter `before`). It returns the rows, which the
    template knows as `name`, and the cursor of the next page, or None.
    """
    user_id, before = request.user.pk, parse_id(request.GET.get("before"))
    rows, after = list_rows(user_id, conversation_id, before)
    conversation = selectors.get_conversation(user_id, conversation_id)
    title = conversation_title(conversation)
    context: dict[str, Any] = {name: rows, "before": before, "after": after}
    return render_page(request, template, conversation=conversation, title=title, **context)


def get_cleaned_data(form: BaseForm) -> dict[str, Any]:
    """Returns the validated data of a form. Raises `invalid` if the form is not valid.

    Use it for a form that is not shown again with error messages, such as a single button.
    """
    if not form.is_valid():
        raise invalid(**{name: str(messages[0]) for name, messages in form.errors.items()})
    return form.cleaned_data


def add_form_errors(form: BaseForm, error: ApplicationError) -> int:
    """Adds the messages of an ApplicationError to a form, which then shows them. Returns the HTTP status of the error.

    If the user cannot correct the error in the form (such as `not_found`), raises the error again instead.
    """
    if error.code not in FORM_ERROR_CODES:
        raise error
    form.add_application_error(error)
    return error.status


def submit_form(form: BaseForm, action: Callable[[], T]) -> T | None:
    """Calls `action` if the form is valid, and returns its result.

    Returns None if the form is to be shown again, with its errors and with `form.status` as the HTTP status.
    """
    if not form.is_valid():
        return None
    try:
        return action()
    except ApplicationError as error:
        add_form_errors(form, error)
        return None


def newest_message_url(message: MessageSchema) -> str:
    """Returns the URL that opens a conversation at its newest message.

    `message` is the newest message, which the user has just sent.
    """
    return f"{reverse('conversation', args=[message.conversation_id])}#m-{message.seq}"


def message_url(message: MessageSchema, search_text: str = "") -> str:
    """Returns the URL that opens the conversation of a message at this message, even if the message is old.

    With `search_text` the page also shows the search that found the message.
    """
    return conversation_url_at(message.conversation_id, message.seq, search_text)


def warn_of_ignored_mention(request: AuthenticatedRequest, message: MessageSchema) -> None:
    """Shows on the next page that `@all` in a message of the user notified nobody."""
    if not has_ignored_mention_of_everybody(message):
        return
    membership = selectors.get_membership(request.user.pk, message.conversation_id)
    if membership.conversation.kind == "group":
        messages.warning(request, _("Nobody was notified: only the owner and admins can mention everyone with @all."))


def conversation_url_at(conversation_id: int, seq: int, search_text: str = "") -> str:
    query = urlencode({"at": seq} | ({"q": search_text} if search_text else {}))
    return f"{reverse('conversation', args=[conversation_id])}?{query}#m-{seq}"


def store_posted_files(request: AuthenticatedRequest, conversation_id: int, client_id: UUID) -> list[int]:
    """Stores the files that a form has uploaded, and returns the ids of the new attachments.

    If a message with this `client_id` was sent before (the same form was posted twice), stores nothing and returns the
    attachment ids of that message.
    """
    files = [file for file in request.FILES.getlist("files") if file.name]
    if not files:
        return []
    selectors.get_membership(request.user.pk, conversation_id)  # raises for non-members, before anything is stored
    if (sent_ids := list_sent_attachment_ids(request.user.pk, client_id)) is not None:
        return sent_ids
    if len(files) > settings.FILES_AT_ONCE:
        raise invalid(body=_("At most %(limit)s files at once.") % {"limit": settings.FILES_AT_ONCE})
    return [store_upload(request.user.pk, str(file.name), file.size or 0, file.chunks()).pk for file in files]
