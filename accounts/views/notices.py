"""The notices of the moderators on the pages of a user: the part that shows them, and the button that closes one."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import actions
from accounts.decorators import form_page_url, login_required_for_post
from messenger.core.errors import ApplicationError


@login_required
@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """Renders the unread notices alone. The script of an open page replaces the notices of the page by them.

    Opened as a page, redirects to the first page, which shows them.
    """
    if request.headers.get("Sec-Fetch-Dest") == "document":
        return redirect("home")
    return render(request, "account/notices_fragment.html")


@require_POST
@login_required_for_post
def acknowledge_notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    try:
        assert request.user.pk is not None
        actions.acknowledge_notice(request.user.pk, notice_id)
    except ApplicationError:
        raise Http404 from None
    return redirect(form_page_url(request))
