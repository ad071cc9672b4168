"""Downloading one's data, and deleting one's account. For both one shows once more that it is oneself."""

from __future__ import annotations

from typing import cast

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header

from accounts.actions.deletion import must_not_be_the_last
from accounts.forms import DeleteAccountForm
from chat.actions import account_deletion
from chat.attachments.downloads import bytes_of
from chat.export import actions as archives
from chat.views.common import draw
from chat.views.decorators import PersonalRequest, form_page, page
from messenger.core.database import write_transaction

_shown_again = reauthentication_required(allow_get=True)


@form_page
@_shown_again
def own_data(request: PersonalRequest) -> HttpResponse:
    """What there is to download, and how far it is; posted to, it is built anew."""
    me = request.user.pk
    if request.method == "POST":
        archives.ask(me)
        return redirect("own_data")
    archive = archives.of(me)
    asked_at = timezone.localtime(archive.asked_at) if archive else None
    expires_at = timezone.localtime(archive.expires_at) if archive and archive.expires_at else None
    return draw(request, "settings/data_export.html", archive=archive, asked_at=asked_at, expires_at=expires_at)


@page
def own_archive(request: PersonalRequest) -> HttpResponse:
    """The file itself, in parts where a part is asked for."""
    archive = archives.ready(request.user.pk)
    if is_reauthentication_required(request, app=""):
        # Back to the page: a download that follows the password would leave them standing at the question.
        (first, *_others) = get_adapter().get_reauthentication_methods(request.user)
        return redirect(f"{first['url']}?next={reverse('own_data')}")
    day = archive.asked_at.date().isoformat()
    disposition = content_disposition_header(True, f"messenger-{request.user.username}-{day}.zip") or "attachment"
    tag = archive.key.rpartition("/")[2].removesuffix(".zip")
    answer = bytes_of(request, archive.key, archive.size, tag, "application/zip", disposition, "private, no-store")
    return cast(HttpResponse, answer)


@form_page
@reauthentication_required()
def delete_account(request: PersonalRequest) -> HttpResponse:
    """What will become of everything, and the question. For good, so the name is typed."""
    user = request.user
    form = DeleteAccountForm(request.POST if request.method == "POST" else None, user=user)
    must_not_be_the_last(user)
    if request.method != "POST" or not form.is_valid():
        status = 200 if request.method != "POST" else 422
        return draw(request, "settings/delete_account.html", status, form=form, plan=account_deletion.plan(user.pk))
    with write_transaction():
        get_adapter().send_notification_mail("account/email/account_deleted", user)
        account_deletion.delete_account(user.pk, take_back=form.cleaned_data["words"] == form.TAKE_BACK)
    request.session.flush()
    return redirect("account_deleted")
