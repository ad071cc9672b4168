"""The page that searches messages, people, conversations and files."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.selectors import user_search
from chat.attachments.selectors import search_files
from chat.search.query import DAY_OPERATORS
from chat.selectors import MessageSearch
from chat.view_models import start_position
from chat.view_models.conversation_list import ConversationList
from chat.view_models.search import (
    add_operators,
    build_conversation_results,
    build_file_results,
    build_filter_links,
    build_message_results,
    build_user_results,
    describe_absence,
    format_result_count,
    remove_operators,
)
from chat.views.common import render_page
from chat.views.decorators import AuthenticatedRequest, page_view
from messenger.core.errors import ApplicationError, error_message
from messenger.core.numbers import parse_id

SIDE_RESULTS = 5  # people, conversations and files beside the messages
FORM_ERRORS = {"invalid", "rate_limited"}


@page_view
def search(request: AuthenticatedRequest) -> HttpResponse:
    """Searches for the words and operators in `?q=`.

    `?conversation=` restricts the search to one conversation, `?sort=best` shows the most relevant messages first,
    `?before=` continues with older messages, and `?kind=files` shows only files. The forms of the filters send
    `?from=bob` or `?when=on&day=2026-11-21`, which become operators in `?q=`.
    """
    q = request.GET.get("q", "").strip()
    if "from" in request.GET or "day" in request.GET:
        return redirect(_url_with_filters(request, q))
    conversation_id = parse_id(request.GET.get("conversation"))
    before = parse_id(request.GET.get("before"))
    listing = ConversationList(request.user.pk, request.GET, request.user.blocked_ids)
    parameters = _kept_parameters(request)
    words = remove_operators(q)
    context: dict[str, Any] = {
        "listing": listing,
        "q": q,
        "conversation_id": conversation_id,
        "conversation_title": listing.get_title(conversation_id) if conversation_id else "",
        "sort": "best" if request.GET.get("sort") == "best" else "newest",
        "kind": "files" if request.GET.get("kind") == "files" else "",
        "before": before,
        "absence": describe_absence(q, request.GET.get("kind", "")),
        "filters": build_filter_links(q, parameters),
        "kept": parameters,
        "url_without_filters": f"?{urlencode({'q': words})}" if words and words != q else "",
    }
    if not q:
        return render_page(request, "chat/search.html", **context)
    try:
        found = MessageSearch(request.user.pk, q, timezone.get_current_timezone(), conversation_id)
        context |= _find(request, found, listing, context["sort"], context["kind"], before)
    except ApplicationError as error:
        if error.code not in FORM_ERRORS:
            raise
        return render_page(request, "chat/search.html", status=error.status, **context, error=error_message(error))
    return render_page(request, "chat/search.html", **context)


def _kept_parameters(request: AuthenticatedRequest) -> dict[str, str]:
    """Returns the URL parameters that stay when a filter is added or removed."""
    return {name: request.GET[name] for name in ("conversation", "sort", "kind") if request.GET.get(name)}


def _url_with_filters(request: AuthenticatedRequest, q: str) -> str:
    """Returns the URL of the search with the filters of a form as operators in its query."""
    when = request.GET.get("when", "on")
    day = start_position.parse_day(request.GET.get("day"))
    operators = [("from", request.GET.get("from", "").strip().removeprefix("@"))]
    if day and when in DAY_OPERATORS:
        operators.append((when, day.isoformat()))
    return f"{reverse('search')}?{urlencode({'q': add_operators(q, operators)} | _kept_parameters(request))}"


def _find(
    request: AuthenticatedRequest,
    found: MessageSearch,
    listing: ConversationList,
    sort: str,
    kind: str,
    before: int | None,
) -> dict[str, Any]:
    """Returns the results for the template. People, conversations and files stand on the first page only.

    Filters are about messages and files, so with filters there are no people and conversations.
    """
    words = found.query.words
    if kind == "files":
        files, cursor = search_files(found, before=before)
        return {
            "files": build_file_results(files, words, request.user.pk, request.user.blocked_ids),
            "files_after": cursor,
        }
    page = found.rank_messages() if sort == "best" else found.find_messages(before)
    messages = [hit.message for hit in page.hits]
    titles = {message.conversation_id: listing.get_title(message.conversation_id) for message in messages}
    has_more = page.cursor is not None or sort == "best"
    results: dict[str, Any] = {
        "found_messages": build_message_results(messages, words, titles, request.user.pk, request.user.blocked_ids),
        "after": page.cursor,
        "result_count": format_result_count(len(messages), has_more),
    }
    if before is None:
        files, files_cursor = search_files(found, limit=SIDE_RESULTS) if words or found.query.kinds else ([], None)
        results |= {
            "files": build_file_results(files[:SIDE_RESULTS], words, request.user.pk, request.user.blocked_ids),
            "files_after": files_cursor or (len(files) > SIDE_RESULTS),
        }
        if found.name_text and not found.query.has_filters:
            conversations, _offset = found.find_conversations(limit=SIDE_RESULTS)
            users = user_search.search_users(request.user.pk, found.name_text, limit=SIDE_RESULTS)
            results["conversations"] = build_conversation_results(conversations, words)
            results["people"] = build_user_results(users, words)
    return results
