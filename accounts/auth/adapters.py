"""What allauth asks of this site: who may sign up, under which names, and where its mails point."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from secrets import randbelow
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows import email_verification
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from accounts import actions
from accounts.auth import auth_backends, login_limits, signup_links
from accounts.email import layout
from accounts.forms import wait_words
from accounts.models import TAKEN, User
from accounts.text.usernames import LONGEST, clean_line, clean_username, is_name_character
from messenger.core.client_ip import request_ip
from messenger.core.database import write_transaction

_wrong_words = lazy(auth_backends.wrong_words, str)()


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_taken": TAKEN,
        "username_password_mismatch": _wrong_words,
        "email_password_mismatch": _wrong_words,
    }

    # ── Who may ──
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGNUP == "open" or (settings.SIGNUP == "invite" and signup_links.is_invited(request))

    def pre_authenticate(self, request: HttpRequest, **credentials) -> None:
        if wait := login_limits.count(_login(credentials), request_ip(request)):
            request.META[login_limits.MUST_WAIT] = wait  # the view answers 429
            raise ValidationError(wait_words(wait), code="rate_limited")

    def authenticate(self, request: HttpRequest, **credentials):
        user = cast(User | None, super().authenticate(request, **credentials))
        if user and actions.must_confirm_email(user):
            # Answered like a wrong password, and counted like one, or whoever signed up with somebody's e-mail would
            # learn here whether an account was made. Who has the mailbox finds the link in it once more.
            address = EmailAddress.objects.filter(user=user).order_by("-primary").first()
            if address and email_verification.consume_email_verification_rate_limit(request, address.email):
                address.send_confirmation(request)
            return None
        if user:
            login_limits.was_right(_login(credentials), request_ip(request))
        return user

    def get_login_stages(self) -> list[str]:
        theirs, ours = (
            "allauth.account.stages.EmailVerificationStage",
            "accounts.auth.login_stages.EmailVerificationStage",
        )
        return [ours if stage == theirs else stage for stage in super().get_login_stages()]

    def get_client_ip(self, request: HttpRequest) -> str:
        return request_ip(request)

    # ── Names ──
    def clean_username(self, username: str, shallow: bool = False) -> str:
        name = clean_username(username)
        if not shallow and actions.is_taken(name):
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
                with write_transaction():
                    user.save()
            except IntegrityError:
                raise ValidationError({"username": TAKEN}) from None
        return user

    # ── Mail ──
    def render_mail(self, template_prefix, email, context, headers=None):
        """As text, and as HTML made of the same text. Its links lead to this site, whatever Host a request had."""
        context = {**context, "site_host": urlsplit(settings.SITE_URL).netloc}
        message = cast(EmailMultiAlternatives, super().render_mail(template_prefix, email, context, headers))
        message.attach_alternative(layout.html(str(message.subject), str(message.body)), "text/html")
        return message

    def send_notification_mail(self, template_prefix, user, context=None, email=None) -> None:
        """Of changes to an account only an address that is known to be its person's hears, in the person's language."""
        known = EmailAddress.objects.filter(user=user, verified=True)
        to = email or known.order_by("-primary").values_list("email", flat=True).first()
        if to is None:
            return
        told = layout.about(request_ip(self.request), self.get_http_user_agent(self.request))
        with override(user.language or get_language()):
            self.send_mail(template_prefix, to, {"user": user, **told, **(context or {})})

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
        """A provider without keys has no button; whoever guesses its address finds nothing there. What was connected
        while it had some is still listed, and can be removed."""
        try:
            return super().get_app(request, provider, client_id=client_id)
        except SocialApp.DoesNotExist:
            if request.resolver_match and request.resolver_match.url_name == "socialaccount_connections":
                return SocialApp(provider=provider)
            raise Http404 from None

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """What a provider says of an e-mail counts only where it has verified it. Of one that is somebody's here, the
        owner is told how to connect the two; it was shown to be theirs, so that tells nothing to anybody else."""
        sociallogin.email_addresses = [address for address in sociallogin.email_addresses if address.verified]
        if sociallogin.is_existing or sociallogin.state.get("process") != AuthProcess.LOGIN:
            return
        user: Any = sociallogin.user
        user.email = next((address.email for address in sociallogin.email_addresses), "")
        emails = [address.email.lower() for address in sociallogin.email_addresses]
        if EmailAddress.objects.filter(email__in=emails, verified=True).exists():
            self._refuse_second_account(request, sociallogin)

    def _refuse_second_account(self, request: HttpRequest, sociallogin: SocialLogin) -> NoReturn:
        words = _(
            "There is an account with your e-mail address already. Sign in to it, then connect %(name)s in the"
            " settings, under “Other ways in”."
        ) % {"name": sociallogin.account.get_provider().name}
        messages.error(request, words)
        raise ImmediateHttpResponse(redirect("account_login"))

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
        if EmailAddress.objects.filter(email=user.email, verified=True).exists():
            self._refuse_second_account(request, sociallogin)  # two came in with it at the same moment
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
