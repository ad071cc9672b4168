"""Views of the page with the user's own profile and settings, the language switch, and the page after a deletion."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.i18n import set_language as django_set_language

from accounts import actions, unsent_forms
from accounts.authentication import require_sign_in
from accounts.decorators import login_required_for_form
from accounts.forms import ProfileForm
from accounts.models import User
from accounts.selectors.timezones import TIME_ZONE_COOKIE
from messenger.core.errors import ApplicationError
from messenger.core.site_urls import is_site_url


@login_required_for_form
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Shows and saves the profile.

    A request with `remove_picture`, the name of a button, removes the avatar. The other values of its form are shown
    again and not stored.
    """
    # A separate instance: the form must not change request.user, which the rest of the page shows.
    user = User.objects.get(pk=require_sign_in(request).user_id)
    if "remove_picture" in request.POST:
        actions.remove_avatar(user.pk)
        messages.success(request, _("Photo removed."))
        unsent_forms.keep_form(request, request.path)
        return redirect("profile")
    form = ProfileForm(
        request.POST or None,
        request.FILES or None,
        instance=user,
        browser_zone=request.COOKIES.get(TIME_ZONE_COOKIE, ""),
        initial=unsent_forms.get_initial(ProfileForm, unsent_forms.pop_form(request)),
    )
    status = HTTPStatus.OK
    if request.method == "POST":
        if form.is_valid() and _save(user.pk, form):
            with override(form.cleaned_data["language"] or None):
                messages.success(request, _("Saved."))
            return redirect("profile")
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "settings/profile.html", {"form": form}, status=status)


def _save(user_id: int, form: ProfileForm) -> bool:
    """Stores the profile and avatar of a valid form. If an error occurs, adds it to the form and returns False."""
    try:
        actions.update_profile(user_id, form.changes())
        if picture := form.cleaned_data["picture"]:
            actions.set_avatar(user_id, picture, picture.size)
    except ApplicationError as error:
        form.add_action_errors(error)
        return False
    return True


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Sets the language cookie and, for a signed-in user, the profile's language. Form fields: `language`, `next`."""
    response = django_set_language(request)
    if "Location" in response and not is_site_url(request, response["Location"]):
        response["Location"] = "/"
    language = request.POST.get("language", "")
    if request.user.is_authenticated and language in dict(settings.LANGUAGES):
        actions.update_profile(require_sign_in(request).user_id, {"language": language})
    return response


@require_safe
def account_deleted(request: HttpRequest) -> HttpResponse:
    """Shows the page that follows the deletion of an account. Redirects a signed-in user to the home page."""
    return redirect("home") if request.user.is_authenticated else render(request, "settings/account_deleted.html")
