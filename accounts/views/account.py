"""Pages of one's own account. Signing up and in is allauth's, with what is different here."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from allauth.account import views as allauth_views
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.i18n import set_language as django_set_language

from accounts import actions, avatars
from accounts.auth import login_limits, sign_ins, signup_links
from accounts.authentication import signed_in_by, whoever_asks
from accounts.forms import ProfileForm
from accounts.models import SignIn as SignInRow
from accounts.models import User
from accounts.text.usernames import storable
from messenger.core.errors import ApplicationError


# ── In and out ───────────────────────────────────────────────────────────────────────────────────────────────────
class SignIn(allauth_views.LoginView):
    def form_invalid(self, form) -> HttpResponse:
        response = super().form_invalid(form)
        if wait := self.request.META.get(login_limits.MUST_WAIT, 0):
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response["Retry-After"] = str(int(wait) + 1)
        return response


class SignUp(allauth_views.SignupView):
    def form_valid(self, form) -> HttpResponse:
        try:
            return super().form_valid(form)
        except ValidationError as error:  # somebody took the name while the password was being hashed
            form.add_error(None, error)
            return self.form_invalid(form)

    def form_invalid(self, form) -> HttpResponse:
        response = super().form_invalid(form)
        if form.wait:
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response["Retry-After"] = str(int(form.wait) + 1)
        return response


@require_safe
def join(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation (`manage.py invite`) is remembered in the session, through the detour over a provider too."""
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    if signup_links.is_good(token):
        request.session[signup_links.IN_SESSION] = token
    return redirect("account_signup")


# ── One's own profile ────────────────────────────────────────────────────────────────────────────────────────────
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    # Read again: the form must not change the person who stands around it on the page.
    stored = User.objects.get(pk=_mine(request).user_id)
    form = ProfileForm(request.POST or None, request.FILES or None, instance=stored)
    status = HTTPStatus.OK
    if request.method == "POST":
        if form.is_valid() and _store(request, form):
            with override(form.cleaned_data["language"] or None):
                messages.success(request, _("Saved."))
            return redirect("profile")
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "settings/profile.html", {"form": form}, status=status)


def _store(request: HttpRequest, form: ProfileForm) -> bool:
    user_id = _mine(request).user_id
    try:
        actions.update_profile(user_id, form.changes())
        if picture := form.cleaned_data["picture"]:
            actions.set_avatar(user_id, picture, picture.size)
        elif form.cleaned_data["remove_picture"]:
            actions.remove_avatar(user_id)
    except ApplicationError as refused:
        if refused.fields:
            form.refuse(refused.fields)
        else:
            form.add_error("picture" if refused.code == "too_large" else None, str(refused.detail))
        return False
    return True


def _mine(request: HttpRequest) -> SignInRow:
    """The sign-in that this request came by, behind `login_required`."""
    sign_in = signed_in_by(request)
    assert sign_in is not None
    return sign_in


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """`language` and `next` by form. Kept in a cookie, and in the profile of whoever is signed in."""
    response = django_set_language(request)
    language = request.POST.get("language", "")
    if request.user.is_authenticated and language in dict(settings.LANGUAGES):
        actions.update_profile(_mine(request).user_id, {"language": language})
    return response


@require_safe
def avatar(request: HttpRequest, user_id: int, name: str) -> HttpResponseBase:
    """A person's picture, for whoever is signed in. Its name is new with each picture, so it may be kept for ever."""
    if whoever_asks(request) is None:
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
    if name != storable(name):
        raise Http404
    picture = User.objects.filter(pk=user_id, avatar=f"avatars/{name}").values_list("avatar", flat=True).first()
    if not picture:
        raise Http404
    return avatars.served(User._meta.get_field("avatar").storage, picture)


@require_safe
def account_deleted(request: HttpRequest) -> HttpResponse:
    """The last page of an account."""
    return redirect("home") if request.user.is_authenticated else render(request, "settings/account_deleted.html")


# ── Where one is signed in ───────────────────────────────────────────────────────────────────────────────────────
@login_required
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    current = _mine(request)
    context = {"sign_ins": sign_ins.open_ones(current.user_id), "current_id": current.pk}
    return render(request, "settings/devices.html", context)


@login_required
@require_POST
def end_session(request: HttpRequest, sign_in_id: UUID) -> HttpResponse:
    current = _mine(request)
    try:
        sign_ins.end_one(current.user_id, sign_in_id)
    except ApplicationError:
        raise Http404 from None
    if current.pk == sign_in_id:
        request.session.flush()
        return redirect(settings.LOGOUT_REDIRECT_URL)
    messages.success(request, _("Signed out there."))
    return redirect("sessions")


@login_required
@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    current = _mine(request)
    sign_ins.end(current.user_id, keep=current.pk)
    messages.success(request, _("Signed out everywhere else."))
    return redirect("sessions")
