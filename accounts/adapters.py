"""What allauth asks of this site: who may sign up, under which names, and where its mails point."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from secrets import randbelow
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from accounts import guessing, invitations, promised
from accounts.forms import wait_words
from accounts.models import TAKEN, User
from accounts.names import LONGEST, clean_line, clean_username, is_name_character
from messenger.live.addresses import request_address
from messenger.live.database import writing


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_taken": TAKEN,
        # One wording for every wrong sign-in: which half was wrong is nobody's business.
        "username_password_mismatch": _("The user name or the password is not right."),
        "email_password_mismatch": _("The user name or the password is not right."),
    }

    # ── Who may ──
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGNUP == "open" or (settings.SIGNUP == "invite" and invitations.is_invited(request))

    def pre_authenticate(self, request: HttpRequest, **credentials) -> None:
        if wait := guessing.count(_login(credentials), request_address(request)):
            request.META[guessing.MUST_WAIT] = wait  # the view answers 429
            raise ValidationError(wait_words(wait), code="rate_limited")

    def authenticate(self, request: HttpRequest, **credentials):
        user = super().authenticate(request, **credentials)
        if user:
            guessing.was_right(_login(credentials), request_address(request))
        return user

    def get_client_ip(self, request: HttpRequest) -> str:
        return request_address(request)

    # ── Names ──
    def clean_username(self, username: str, shallow: bool = False) -> str:
        name = clean_username(username)
        if not shallow and (User.objects.like(name).exists() or promised.is_promised(name)):
            raise self.validation_error("username_taken")
        return name

    def populate_username(self, request: HttpRequest, user) -> None:
        if not user.username:
            user.username = self.generate_unique_username([user.name])

    def generate_unique_username(self, txts: Iterable[str | None], regex: str | None = None) -> str:
        """From the first text that can be made a name of; with a number behind it where that one is taken."""
        base = next((name for text in txts if (name := _as_username(text or ""))), "user")
        for digits in range(8):
            number = str(randbelow(10**digits)) if digits else ""
            try:
                return self.clean_username(base[: LONGEST - digits].rstrip(".-") + number)
            except ValidationError:
                continue
        raise ValidationError(_("No user name could be made for you. Please choose one."))

    def save_user(self, request: HttpRequest, user, form, commit: bool = True):
        """Hashing the password takes longest and is done before the transaction. Raises ValidationError at a name
        that somebody took in the meantime."""
        user = super().save_user(request, user, form, commit=False)
        if commit:
            try:
                with writing():
                    user.save()
            except IntegrityError:
                raise ValidationError({"username": TAKEN}) from None
        return user

    # ── Addresses ──
    def get_reset_password_from_key_url(self, key: str) -> str:
        user, _dash, rest = key.partition("-")
        return _own(reverse("account_reset_password_from_key", kwargs={"uidb36": user, "key": rest}))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation) -> str:
        return _own(reverse("account_confirm_email", args=[emailconfirmation.key]))

    def is_safe_url(self, url: str) -> bool:
        """`next` leads to paths of this site only."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None) and url.startswith("/")


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """An account of a provider is linked to one of ours by its own id alone. An e-mail, confirmed or not, opens none
    that exists already: whoever wants both connects them while signed in."""

    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SocialApp:
        """A provider without keys has no button; whoever guesses its address finds nothing there."""
        try:
            return super().get_app(request, provider, client_id=client_id)
        except SocialApp.DoesNotExist:
            raise Http404 from None

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict):
        user = super().populate_user(request, sociallogin, data)
        shown = data.get("name") or " ".join(filter(None, [data.get("first_name"), data.get("last_name")]))
        user.name = clean_line(shown[:500], 500)[: User._meta.get_field("name").max_length]
        names = [data.get("username"), shown]
        user.username = AccountAdapter(request).generate_unique_username(names)
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form=None):
        for _try in range(3):
            try:
                with transaction.atomic():
                    return super().save_user(request, sociallogin, form)
            except (IntegrityError, ValidationError):  # somebody took the name in the meantime
                user: Any = sociallogin.user
                user.pk, user.username = None, AccountAdapter(request).generate_unique_username([user.username])
                if form:
                    form.cleaned_data["username"] = user.username
        raise ValidationError(_("Please try again."))


def _login(credentials: dict) -> str:
    return credentials.get("email") or credentials.get("username") or ""


def _own(path: str) -> str:
    """Whatever Host a request came with, a link in a mail leads to this site."""
    return settings.SITE_URL + path


def _as_username(text: str) -> str:
    """The nearest name to a text that is no name, or nothing."""
    joined = re.sub(r"\s+", "_", unicodedata.normalize("NFKC", text).strip())
    name = "".join(character for character in joined if is_name_character(character))[:LONGEST].strip(".-")
    try:
        return clean_username(name)
    except ValidationError:
        return ""
