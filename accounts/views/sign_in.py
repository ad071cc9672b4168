"""Views of the sign-in and sign-up pages. They extend allauth's views with rate limits and sign-up links."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from allauth.account import views as allauth_views
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts import unsent_forms
from accounts.auth import login_limits, signup_links


class _UnsentFormMixin:
    """Shows the values of a form again that was rejected because its CSRF token had expired."""

    request: HttpRequest

    def get_initial(self) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_initial()  # type: ignore[misc]
        return initial | unsent_forms.pop_form(self.request).dict()


class SignInView(_UnsentFormMixin, allauth_views.LoginView):
    def form_invalid(self, form) -> HttpResponse:
        response = super().form_invalid(form)
        return _rate_limited(response, self.request.META.get(login_limits.RETRY_AFTER_META_KEY, 0))


class SignUpView(_UnsentFormMixin, allauth_views.SignupView):
    def form_valid(self, form) -> HttpResponse:
        try:
            return super().form_valid(form)
        except ValidationError as error:  # another sign-up took the name while the password was hashed
            form.add_error(None, error)
            return self.form_invalid(form)

    def form_invalid(self, form) -> HttpResponse:
        return _rate_limited(super().form_invalid(form), form.wait)


def _rate_limited(response: HttpResponse, wait: float) -> HttpResponse:
    """Changes the status of the response to 429 and sets the header `Retry-After`, if `wait` (seconds) is not 0."""
    if wait:
        response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        response["Retry-After"] = str(int(wait) + 1)
    return response


@require_safe
def accept_signup_link(request: HttpRequest, token: str) -> HttpResponse:
    """Opens a sign-up link (made by `manage.py invite`): stores its token in the session and shows the sign-up page.

    Because it is in the session, the token is still known when the user comes back from a provider such as Google.
    """
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    if signup_links.is_valid_token(token):
        request.session[signup_links.INVITE_SESSION_KEY] = token
    return redirect("account_signup")
