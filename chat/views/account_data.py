"""The page on which users export their personal data, and the page on which they delete their account.

Both pages ask for the user's password again.
"""

from __future__ import annotations

from typing import cast

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.actions import remember_browser, require_another_administrator
from accounts.forms import DeleteAccountForm
from accounts.selectors.languages import browser_language
from accounts.selectors.timezones import browser_time_zone
from chat.actions import account_deletion
from chat.export import actions as export_actions
from chat.export.downloads import serve_export
from chat.views.common import render_page
from chat.views.decorators import AuthenticatedRequest, form_view, page_view
from messenger.core.database import write_transaction


@form_view
@reauthentication_required(allow_get=True)
def data_export(request: AuthenticatedRequest) -> HttpResponse:
    """Shows whether an export of the user's personal data is ready or in progress. POST requests a new export."""
    user_id = request.user.pk
    if request.method == "POST":
        # The export is in the language and time zone of this browser, unless the profile names others.
        remember_browser(request.user, browser_language(request), browser_time_zone(request.COOKIES))
        export_actions.request_export(user_id)
        return redirect("own_data")
    export = export_actions.get_export(user_id)
    return render_page(request, "settings/your_data.html", archive=export)


@page_view
def download_data_export(request: AuthenticatedRequest) -> HttpResponse:
    """Sends the ZIP file with the personal data that the user has exported."""
    export = export_actions.get_ready_export(request.user.pk)
    if is_reauthentication_required(request, app=""):
        # After the password, the user returns to the page: after a redirect to the file, the browser would still show
        # the password form.
        method, *_others = get_adapter().get_reauthentication_methods(request.user)
        return redirect(f"{method['url']}?next={reverse('own_data')}")
    return cast(HttpResponse, serve_export(request, export, request.user.username))


@form_view
@reauthentication_required()
def delete_account(request: AuthenticatedRequest) -> HttpResponse:
    """Shows what will be deleted with the account, and asks for the user name as confirmation.

    POST deletes the account of the current user.
    """
    user = request.user
    form = DeleteAccountForm(request.POST if request.method == "POST" else None, user=user)
    require_another_administrator(user)
    if request.method != "POST" or not form.is_valid():
        status = 200 if request.method != "POST" else 422
        plan = account_deletion.plan_account_deletion(user.pk)
        return render_page(request, "settings/delete_account.html", status, form=form, plan=plan)
    with write_transaction():
        get_adapter().send_notification_mail("account/email/account_deleted", user)
        account_deletion.delete_account(user.pk, delete_messages=form.cleaned_data["words"] == form.TAKE_BACK)
    request.session.flush()
    return redirect("account_deleted")
