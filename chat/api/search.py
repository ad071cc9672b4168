"""API view that searches messages, people, conversations and files."""

from __future__ import annotations

from urllib.parse import urlencode

from accounts.schemas import user_schema
from accounts.selectors import user_search
from accounts.selectors.timezones import time_zone_for
from chat.attachments.selectors import search_files
from chat.cursors import encode_cursor, parse_activity_cursor, parse_id_cursor, parse_user_cursor
from chat.payloads import SearchQuery
from chat.schemas import (
    FoundConversationsSchema,
    FoundFilesSchema,
    FoundMessagesSchema,
    FoundUsersSchema,
    SearchResultsSchema,
)
from chat.selectors import MessageSearch
from messenger.rest.openapi import response_schema
from messenger.rest.viewsets import ApiViewSet, respond


class SearchViewSet(ApiViewSet):
    @response_schema(SearchResultsSchema, "Search messages, people, conversations and files", parameters=[SearchQuery])
    def list(self, request):
        query = self.query(SearchQuery)
        kind, limit = query.kind, query.limit
        before = parse_id_cursor(query.before) if kind in ("messages", "files") else None
        zone = time_zone_for(request.user, request.COOKIES)
        search = MessageSearch(self.user_id, query.q, zone, query.conversation)

        def next_url(kind: str, cursor: int | str | None) -> str | None:
            if cursor is None:
                return None
            parameters = urlencode({**request.query_params.dict(), "kind": kind, "before": cursor})
            return request.build_absolute_uri(f"{request.path}?{parameters}")

        results = SearchResultsSchema()
        if kind in ("", "messages"):
            page = search.rank_messages(limit) if query.sort == "best" else search.find_messages(before, limit)
            results.messages = FoundMessagesSchema(page.hits, next_url("messages", page.cursor))
        if kind in ("", "people"):
            position = parse_user_cursor(query.before) if kind else None
            users, position = user_search.search_users_page(
                self.user_id, search.name_text, before=position, limit=limit
            )
            results.people = FoundUsersSchema(
                [user_schema(user) for user in users], next_url("people", encode_cursor(position))
            )
        if kind in ("", "conversations"):
            activity = parse_activity_cursor(query.before) if kind else None
            titles, activity = search.find_conversations(activity, limit)
            results.conversations = FoundConversationsSchema(titles, next_url("conversations", encode_cursor(activity)))
        if kind in ("", "files"):
            files, cursor = search_files(search, before=before, limit=limit)
            results.files = FoundFilesSchema(files, next_url("files", cursor))
        return respond(results)
