"""The page of one's privacy settings."""

from __future__ import annotations

from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import actions
from accounts.authentication import signed_in_by
from accounts.models import PRIVACY_FIELDS, User
from messenger.core.errors import ApplicationError


class PrivacyForm(forms.ModelForm):
    """It only reads; `accounts.actions` judges and stores."""

    class Meta:
        model = User
        fields = PRIVACY_FIELDS

    def _post_clean(self) -> None:
        """Nothing: the instance stays as it is stored until the verb has changed it."""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def privacy(request: HttpRequest) -> HttpResponse:
    sign_in = signed_in_by(request)
    assert sign_in is not None
    stored = User.objects.get(pk=sign_in.user_id)
    form = PrivacyForm(request.POST or None, instance=stored)
    status = HTTPStatus.OK
    if request.method == "POST":
        if form.is_valid() and _store(stored.pk, form):
            messages.success(request, _("Saved."))
            return redirect("privacy")
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    context = {"form": form, "blocked_count": len(stored.blocked_ids)}
    return render(request, "settings/privacy.html", context, status=status)


def _store(user_id: int, form: PrivacyForm) -> bool:
    try:
        actions.update_profile(user_id, {name: form.cleaned_data[name] for name in PRIVACY_FIELDS})
    except ApplicationError as refused:
        for name, words in (refused.fields or {"": [refused.detail]}).items():
            form.add_error(name or None, [str(word) for word in words])
        return False
    return True
