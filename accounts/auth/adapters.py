"""Adapters that change allauth's behaviour: who may sign up, user names, e-mails and their links, sign-in providers.

A provider is another site whose accounts can be used to sign in, for example GitHub.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from secrets import randbelow
from typing import Any, NoReturn, cast
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows import email_verification
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from accounts import actions
from accounts.auth import auth_backends, known_devices, login_limits, signup_links
from accounts.email import layout, notifications
from accounts.forms import wait_message
from accounts.models import USERNAME_TAKEN, User
from accounts.selectors.timezones import time_zone_for
from accounts.selectors.usernames import is_username_taken
from accounts.text.cleaning import clean_single_line
from accounts.usernames.rules import MAX_USERNAME_LENGTH, clean_username, is_username_character
from messenger.core.client_ip import request_ip
from messenger.core.database import write_transaction

# E-mails to an address that anybody can type into a form. Codes for signing in have limits of their own: a code works
# in one browser only, so a stranger who uses up a common limit would keep the owner from getting one.
_MAILS_CAUSED_BY_STRANGERS = {
    "account/email/account_already_exists",
    "account/email/email_confirmation",
    "account/email/email_confirmation_signup",
    "account/email/password_reset_key",
    "account/email/unknown_account",
}
SUSPENDED_USER_KEY = "suspended_user"  # in the session: the user whose suspension this browser may see
_wrong_credentials_message = lazy(auth_backends.wrong_credentials_message, str)()


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_taken": USERNAME_TAKEN,
        "username_password_mismatch": _wrong_credentials_message,
        "email_password_mismatch": _wrong_credentials_message,
    }

    # ── Sign-in and sign-up ───
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return signup_links.is_signup_open(request)

    def pre_authenticate(self, request: HttpRequest, **credentials) -> None:
        device = known_devices.get_device(request)
        if wait := login_limits.acquire_attempt(_login_of(credentials), request_ip(request), device):
            request.META[login_limits.RETRY_AFTER_META_KEY] = wait  # read by the view, which answers 429
            raise ValidationError(wait_message(wait), code="rate_limited")

    def authenticate(self, request: HttpRequest, **credentials):
        user = cast(User | None, super().authenticate(request, **credentials))
        if user and actions.must_confirm_email(user):
            # The answer is that of a wrong password, and the attempt stays counted. Otherwise somebody who signed up
            # with another person's e-mail would learn whether an account was created. The owner of the mailbox gets
            # the link again.
            address = EmailAddress.objects.filter(user=user).order_by("-primary").first()
            if address and email_verification.consume_email_verification_rate_limit(request, address.email):
                address.send_confirmation(request)
            return None
        if user:
            device = known_devices.get_device(request)
            login_limits.release_attempt(_login_of(credentials), request_ip(request), device)
        return user

    def post_login(self, request: HttpRequest, user, **options) -> HttpResponse:
        response = super().post_login(request, user, **options)
        known_devices.remember_device(request, response, user.pk)
        return response

    def respond_user_inactive(self, request: HttpRequest, user) -> HttpResponse:
        """Lets a suspended user who has proved who they are see why, and appeal. This browser is not signed in."""
        request.session[SUSPENDED_USER_KEY] = user.pk
        return redirect("suspended")

    def get_login_stages(self) -> list[str]:
        replaced = {
            "allauth.account.stages.EmailVerificationStage": "accounts.auth.login_stages.EmailVerificationStage",
        }
        return [replaced.get(stage, stage) for stage in super().get_login_stages()]

    def get_client_ip(self, request: HttpRequest) -> str:
        return request_ip(request)

    # ── Names ───
    def clean_username(self, username: str, shallow: bool = False) -> str:
        name = clean_username(username)
        if not shallow and is_username_taken(name):
            raise self.validation_error("username_taken")
        return name

    def populate_username(self, request: HttpRequest, user) -> None:
        if not user.username:
            user.username = self.generate_unique_username([user.name])

    def generate_unique_username(self, txts: Iterable[str | None], regex: str | None = None) -> str:
        """Makes a user name from the first usable text in `txts`. Appends random digits if that name is taken.

        A text is usable if it contains characters that are allowed in a user name.
        """
        base = next((name for text in txts if (name := _to_username(text or ""))), "user")
        for digits in range(8):
            number = str(randbelow(10**digits)) if digits else ""
            try:
                return self.clean_username(base[: MAX_USERNAME_LENGTH - digits].rstrip(".-") + number)
            except ValidationError:
                continue
        raise ValidationError(_("We couldn’t create a username for you. Please choose one."))

    def save_user(self, request: HttpRequest, user, form, commit: bool = True):
        """Saves the new user. The password is hashed before the transaction begins, because hashing is slow.

        Raises ValidationError if another sign-up took the user name in the meantime.
        """
        user = super().save_user(request, user, form, commit=False)
        if commit:
            try:
                with write_transaction():
                    user.save()
            except IntegrityError:
                raise ValidationError({"username": USERNAME_TAKEN}) from None
        return user

    # ── E-mail ───
    def render_mail(self, template_prefix, email, context, headers=None):
        """Renders an e-mail as text and HTML. Links point to SITE_URL, not to the Host header of the request."""
        context = {**context, "site_host": urlsplit(settings.SITE_URL).netloc}
        message = cast(EmailMultiAlternatives, super().render_mail(template_prefix, email, context, headers))
        message.attach_alternative(layout.render_html(str(message.subject), str(message.body)), "text/html")
        return message

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Sends an e-mail to the address `email`.

        Some kinds of e-mails can be caused by anybody who knows the address, for example a password reset. Of each such
        kind, an address gets a limited number. Above the limit, nothing is sent and no error is raised, so that the
        HTTP response is the same.
        """
        if template_prefix in _MAILS_CAUSED_BY_STRANGERS and not login_limits.acquire_mail(template_prefix, email):
            return
        if template_prefix == "account/email/login_code" and not login_limits.acquire_login_code(
            email, request_ip(self.request)
        ):
            return
        super().send_mail(template_prefix, email, context)

    def send_notification_mail(self, template_prefix, user, context=None, email=None) -> None:
        """Sends the user an e-mail about a change of the account, in the user's language and time zone.

        The request may come from a stranger, so the language and the time zone of its browser are used only if none are
        known of the user.

        Without the argument `email` it is sent to a confirmed address of the user, or not at all if there is none.
        """
        to = email or notifications.get_confirmed_address(user)
        if to is None:
            return
        zone = time_zone_for(user, {} if user.browser_time_zone else self.request.COOKIES)
        request_context = layout.request_context(request_ip(self.request), self.get_http_user_agent(self.request))
        with override(user.language or user.browser_language or get_language()), timezone.override(zone):
            self.send_mail(template_prefix, to, {"user": user, **request_context, **(context or {})})

    # ── URLs ───
    def get_reset_password_from_key_url(self, key: str) -> str:
        user, _dash, rest = key.partition("-")
        return _site_url(reverse("account_reset_password_from_key", kwargs={"uidb36": user, "key": rest}))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation) -> str:
        """Returns the URL that confirms an e-mail address.

        If a new user came by an invite link of a group, the URL contains this link as `next`. So confirming the address
        leads back to the invite page, also on another device.
        """
        path = reverse("account_confirm_email", args=[emailconfirmation.key])
        next_url = get_next_redirect_url(request) or ""
        return _site_url(path + (f"?{urlencode({'next': next_url})}" if next_url.startswith("/i/") else ""))

    def is_safe_url(self, url: str) -> bool:
        """Returns whether a redirect to this URL is allowed: only if it leads to a path of this site."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None) and url.startswith("/")


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Sign-in with an account of a provider, for example GitHub.

    Only the id that the account has at the provider decides which user is signed in. An e-mail address from a provider
    never gives access to an existing account, even if the provider has confirmed the address. The user has to sign in
    to the existing account and connect the provider's account in the settings.
    """

    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SocialApp:
        """Returns the configuration of a provider. Raises Http404 if the provider is not configured.

        Only on the page "Connected accounts", returns an empty configuration instead of raising Http404. So the page
        also lists accounts of a provider that is no longer configured, and users can remove them.
        """
        try:
            return super().get_app(request, provider, client_id=client_id)
        except SocialApp.DoesNotExist:
            if request.resolver_match and request.resolver_match.url_name == "socialaccount_connections":
                return SocialApp(provider=provider)
            raise Http404 from None

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Drops all e-mail addresses that the provider has not verified.

        If a verified address belongs to another account, the sign-in stops, and a message explains how to connect the
        provider's account to that account. The person may know about that account, because the provider has verified
        the address. But an account that never confirmed the address and never signed in is deleted, so that it does not
        stop the sign-in.
        """
        sociallogin.email_addresses = [address for address in sociallogin.email_addresses if address.verified]
        if sociallogin.is_existing or sociallogin.state.get("process") != AuthProcess.LOGIN:
            return
        user: Any = sociallogin.user
        user.email = next((address.email for address in sociallogin.email_addresses), "")
        emails = [address.email.lower() for address in sociallogin.email_addresses]
        # Others may have added the address to their accounts without confirming it.
        EmailAddress.objects.filter(email__in=emails, verified=False).exclude(user__email__in=emails).delete()
        for other in User.objects.filter(Q(email__in=emails) | Q(emailaddress__email__in=emails)).distinct():
            if other.last_login is None and not other.sign_ins.exists() and actions.must_confirm_email(other):
                # Somebody signed up with this address, never confirmed it, and so never signed in. The provider has
                # verified that the address belongs to this person.
                other.delete()
            else:
                self._reject_second_account(request, sociallogin)

    def _reject_second_account(self, request: HttpRequest, sociallogin: SocialLogin) -> NoReturn:
        message = _(
            "An account with your email address already exists. Sign in to it, then connect %(name)s in Settings, "
            "under “Connected accounts”."
        ) % {"name": sociallogin.account.get_provider().name}
        messages.error(request, message)
        raise ImmediateHttpResponse(redirect("account_login"))

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict):
        user = super().populate_user(request, sociallogin, data)
        full_name = data.get("name") or " ".join(filter(None, [data.get("first_name"), data.get("last_name")]))
        user.name = clean_single_line(full_name[:500], 500)[: User._meta.get_field("name").max_length]
        user.username = AccountAdapter(request).generate_unique_username([data.get("username"), full_name])
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form=None):
        for _attempt in range(3):
            try:
                with transaction.atomic():
                    return super().save_user(request, sociallogin, form)
            except (IntegrityError, ValidationError):  # another sign-up took the name in the meantime
                user: Any = sociallogin.user
                user.pk, user.username = None, AccountAdapter(request).generate_unique_username([user.username])
                if form:
                    form.cleaned_data["username"] = user.username
        if EmailAddress.objects.filter(email=user.email, verified=True).exists():
            self._reject_second_account(request, sociallogin)  # another sign-up used the e-mail in the meantime
        raise ValidationError(_("Please try again."))


def _login_of(credentials: dict) -> str:
    return credentials.get("email") or credentials.get("username") or ""


def _site_url(path: str) -> str:
    """Returns the absolute URL of a path, for an e-mail. It begins with settings.SITE_URL.

    The Host header of the request is not used, because a client can send any value in it.
    """
    return settings.SITE_URL + path


def _to_username(text: str) -> str:
    """Converts any text to a valid user name by removing characters. Returns an empty text if that is not possible."""
    joined = re.sub(r"\s+", "_", unicodedata.normalize("NFKC", text).strip())
    name = "".join(character for character in joined if is_username_character(character))[:MAX_USERNAME_LENGTH].strip(
        ".-"
    )
    try:
        return clean_username(name)
    except ValidationError:
        return ""
