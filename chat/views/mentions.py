"""The page that lists all messages in which the current user is mentioned."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.selectors import users
from chat import actions, selectors
from chat.view_models.conversation_list import ConversationList
from chat.view_models.message_log import MessageItem, build_message_items, collect_named_user_ids
from chat.views.common import render_page
from chat.views.decorators import AuthenticatedRequest, page_view, post_view, redirect_back
from messenger.core.numbers import parse_id


@dataclass(slots=True)
class MentionItem:
    """A message that mentions the current user, with the title of its conversation and whether it is unread."""

    item: MessageItem
    conversation_title: str
    unread: bool


@page_view
def mentions(request: AuthenticatedRequest) -> HttpResponse:
    user_id, blocked_ids = request.user.pk, request.user.blocked_ids
    before = parse_id(request.GET.get("before"))
    messages, cursor = selectors.list_mentions(user_id, before=before)
    listing = ConversationList(user_id, request.GET, blocked_ids)
    read_seqs = {summary.id: summary.read_seq for summary in listing.summaries}
    names = users.get_display_names(collect_named_user_ids(messages))
    return render_page(
        request,
        "chat/mentions.html",
        listing=listing,
        mentions=[
            MentionItem(
                item=build_message_items([message], user_id=user_id, names=names, blocked=blocked_ids)[0],
                conversation_title=listing.get_title(message.conversation_id),
                unread=message.seq > read_seqs.get(message.conversation_id, message.seq),
            )
            for message in messages
        ],
        before=before,
        after=cursor,
    )


@post_view
def mark_mentions_read(request: AuthenticatedRequest) -> HttpResponse:
    """Marks all messages that mention the current user as read.

    In each conversation, this marks all messages up to the newest mention as read.
    """
    user_id = request.user.pk
    for conversation_id, seq in selectors.get_newest_unread_mentions(user_id).items():
        actions.mark_read(user_id, conversation_id, seq)
    return redirect_back(request) if request.POST.get("next") else redirect("mentions")
