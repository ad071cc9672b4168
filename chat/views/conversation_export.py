"""The page on which the owner and the admins of a group export it, and the view that sends the file.

They could read all of it on the pages of the group, so it does not ask for the password again.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from accounts.actions import remember_browser
from accounts.decorators import file_view
from accounts.models import User
from accounts.selectors.languages import browser_language
from accounts.selectors.timezones import browser_time_zone
from chat import selectors
from chat.attachments.downloads import error_response
from chat.export import conversation_actions
from chat.export.downloads import serve_export
from chat.view_models.message_log import conversation_title
from chat.views.common import render_page
from chat.views.decorators import AuthenticatedRequest, form_view
from messenger.core.errors import ApplicationError, not_found


@form_view
def conversation_export(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    """Shows whether an export of the group is ready or in progress. POST requests a new one."""
    user_id = request.user.pk
    if request.method == "POST":
        # The export is in the language and time zone of this browser, unless the profile names others.
        remember_browser(request.user, browser_language(request), browser_time_zone(request.COOKIES))
        conversation_actions.request_export(user_id, conversation_id)
        return redirect("conversation_export", conversation_id)
    export = conversation_actions.get_export(user_id, conversation_id)
    conversation = selectors.get_conversation(user_id, conversation_id)
    title = conversation_title(conversation)
    return render_page(
        request, "chat/group/conversation_export.html", conversation=conversation, title=title, archive=export
    )


@file_view
def conversation_export_file(request: HttpRequest, user: User | None, conversation_id: int) -> HttpResponseBase:
    """Sends the ZIP file with a group that the user has exported, also to users of the API."""
    try:
        if user is None:
            raise not_found()
        export = conversation_actions.get_ready_export(user.pk, conversation_id)
        return serve_export(request, export, f"conversation-{conversation_id}")
    except ApplicationError as error:
        return error_response(error)
