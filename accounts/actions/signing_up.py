"""The action that creates an account."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.actions.signing_in import must_confirm_email
from accounts.actions.validation import field_errors
from accounts.forms import SignupForm
from accounts.models import User
from messenger.core.errors import forbidden, rate_limited


def sign_up(request: HttpRequest, username: str, email: str, password: str) -> tuple[User | None, bool]:
    """Creates an account by the same rules as the sign-up page.

    Returns the user and whether the user must confirm the e-mail before signing in. If the e-mail already belongs to an
    account and the site can send e-mail, the owner of that account gets an e-mail and the result is (None, True). Then
    callers must answer as for a new account, so that the answer does not reveal whether the e-mail has an account.
    Raises `forbidden` while sign-up is closed, `rate_limited` or `invalid`.
    """
    if not get_adapter().is_open_for_signup(request):
        raise forbidden(_("Sign-up is closed here."))
    form = SignupForm({"username": username, "email": email, "password1": password})
    if not form.is_valid():
        if form.wait:
            raise rate_limited(form.wait)
        raise field_errors(form.errors, {"password1": "password", "__all__": "username"})
    if form.account_already_exists:
        form.imitate_sign_up()
        get_adapter().send_account_already_exists_mail(form.cleaned_data["email"])
        return None, True
    try:
        user, _response = form.try_save(request)
    except ValidationError as error:  # another sign-up took the name in the meantime
        raise field_errors(error.message_dict, {}) from None
    if address := EmailAddress.objects.filter(user=user).first():
        address.send_confirmation(request, signup=True)
    return user, must_confirm_email(user)
