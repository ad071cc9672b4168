"""Forms of account pages. Most validation is in accounts.usernames, accounts.actions and accounts/auth/adapters.py."""

from __future__ import annotations

from collections.abc import Mapping

from allauth.account import forms as allauth_forms
from allauth.account.models import EmailAddress
from allauth.core import context
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MinLengthValidator
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.auth import login_limits
from accounts.avatars import FORMATS
from accounts.models import PRIVACY_FIELDS, User
from accounts.selectors.timezones import find_time_zone, group_time_zones
from accounts.text.cleaning import strip_unstorable
from accounts.usernames import reservations
from accounts.usernames.rules import MAX_LOGIN_LENGTH, list_page_checks, skeleton
from messenger.core.client_ip import request_ip
from messenger.core.errors import ApplicationError


def wait_message(seconds: float) -> str:
    """Returns the error message after too many attempts, with the seconds to wait."""
    return _("Too many attempts. Wait %(seconds)d seconds, then try again.") % {"seconds": int(seconds) + 1}


def use_username_rules(field: forms.Field) -> None:
    """Makes the page check a user name as the server does, as far as a page can (see accounts/form_checks.py)."""
    field.page_checks, field.is_normalized = list_page_checks(), True  # type: ignore[attr-defined]


class LoginForm(allauth_forms.LoginForm):
    """The form of the sign-in page. A login is a user name or an e-mail, of at most MAX_LOGIN_LENGTH as in the API."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.fields["login"].widget.attrs["maxlength"] = MAX_LOGIN_LENGTH
        self.fields["login"].validators.append(MaxLengthValidator(MAX_LOGIN_LENGTH))


class SignupForm(allauth_forms.SignupForm):
    """The sign-up form of the page and the API, with a rate limit for each IP address.

    `wait` is the number of seconds to wait after too many sign-ups from this IP address, else 0.
    """

    wait = 0.0

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        username = self.fields["username"]
        # The rules of the site state the length too. With the validator of allauth, two messages would say the same.
        username.validators = [each for each in username.validators if not isinstance(each, MinLengthValidator)]
        use_username_rules(username)

    def clean(self) -> dict:
        cleaned = super().clean()
        self.wait = login_limits.acquire_sign_up(request_ip(context.request))
        if self.wait:
            raise ValidationError(wait_message(self.wait), code="rate_limited")
        return cleaned

    def try_save(self, request: HttpRequest):
        if self.account_already_exists:
            self.imitate_sign_up()
        return super().try_save(request)

    def imitate_sign_up(self) -> None:
        """Makes a sign-up look successful although no account is created, because the e-mail already has an account.

        Hashes a password, so that the response takes as long as for a new account. Reserves the user name, so that it
        looks taken.
        """
        User().set_password(self.cleaned_data["password1"])
        reservations.reserve_username(self.cleaned_data["username"])


class RequestLoginCodeForm(allauth_forms.RequestLoginCodeForm):
    """Requests a sign-in code by e-mail. The code is sent only if the account has confirmed the e-mail address.

    Entering a code confirms the address. Without this rule, somebody could sign up with another person's address. If
    that person then signed in with a code, both would have access to the same account.
    """

    def clean_email(self) -> str:
        if wait := login_limits.acquire_code_request(request_ip(context.request)):
            raise ValidationError(wait_message(wait), code="rate_limited")
        email = super().clean_email()
        if self._user and not EmailAddress.objects.is_verified(email):
            self._user = None
        return email


class DeleteAccountForm(forms.Form):
    """Asks what shall happen to the user's messages, and for the user name, to prevent deletion by mistake."""

    STAY, TAKE_BACK = "stay", "take-back"

    words = forms.ChoiceField(choices=[(STAY, STAY), (TAKE_BACK, TAKE_BACK)], initial=STAY)
    username = forms.CharField(label=gettext_lazy("username"), max_length=200)

    def __init__(self, *args, user: User, **options):
        super().__init__(*args, **options)
        self._user = user

    def clean_username(self) -> str:
        name = self.cleaned_data["username"].removeprefix("@")
        if skeleton(strip_unstorable(name)) != self._user.username_key:
            raise ValidationError(_("This isn’t your username."))
        return name


class TimeZoneSelect(forms.Select):
    """A list of time zones. The options carry country codes, so that a script can search by the name of a country."""

    countries: Mapping[str, str] = {}

    def create_option(self, name, value, label, selected, index, subindex=None, attrs=None):
        option = super().create_option(name, value, label, selected, index, subindex, attrs)
        if country := self.countries.get(str(value)):
            option["attrs"]["data-country"] = country
        return option


class ProfileForm(forms.ModelForm):
    """The form of the profile and settings. It only parses the input; `accounts.actions` validates and stores it."""

    picture = forms.FileField(
        label=gettext_lazy("photo"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ",".join(f"image/{name.lower()}" for name in FORMATS)}),
    )
    username = forms.CharField(label=gettext_lazy("username"), max_length=200)
    time_zone = forms.ChoiceField(label=gettext_lazy("time zone"), required=False, widget=TimeZoneSelect)
    language = forms.ChoiceField(label=gettext_lazy("language"), required=False)

    class Meta:
        model = User
        fields = ("username", "name", "bio", "language", "time_zone", "theme")

    field_order = ("picture",)

    def __init__(self, *args, browser_zone: str = "", **options):
        super().__init__(*args, **options)
        use_username_rules(self.fields["username"])
        browser = _("Same as browser")
        self._set_choices("language", [("", browser), *settings.LANGUAGES])
        if zone := find_time_zone(browser_zone):
            browser = _("Same as browser: %(zone)s") % {"zone": zone.label}
        chosen = find_time_zone(self.instance.time_zone)
        groups = group_time_zones()
        if chosen and not any(chosen.name == zone.name for _region, zones in groups for zone in zones):
            groups = [("", [chosen]), *groups]  # an old name of a zone, which the list leaves out
        zone_choices = [(region, [(zone.name, zone.label) for zone in zones]) for region, zones in groups]
        self._set_choices("time_zone", [("", browser), *zone_choices])
        self.fields["time_zone"].widget.countries = {
            zone.name: zone.country for _region, zones in groups for zone in zones
        }

    def _set_choices(self, name: str, choices: list) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def _post_clean(self) -> None:
        """Does nothing. ModelForm would set the values on the user here, but an action (`accounts.actions`) does so."""

    def changes(self) -> dict:
        return {name: self.cleaned_data[name] for name in self.Meta.fields}

    def add_action_errors(self, error: ApplicationError) -> None:
        """Adds the errors that an action of `accounts.actions` has raised to the fields of this form."""
        if not error.fields:
            self.add_error("picture" if error.code == "too_large" else None, str(error.detail))
        for name, messages in (error.fields or {}).items():
            for message in messages:
                self.add_error("picture" if name == "avatar" else name, str(message))


class PrivacyForm(forms.ModelForm):
    """The form of the privacy settings. It only parses the input; `accounts.actions` validates and stores it."""

    class Meta:
        model = User
        fields = PRIVACY_FIELDS

    def _post_clean(self) -> None:
        """Does nothing. ModelForm would set the values on the user here, but an action (`accounts.actions`) does so."""

    def add_action_errors(self, error: ApplicationError) -> None:
        """Adds the errors that an action of `accounts.actions` has raised to the fields of this form."""
        for name, messages in (error.fields or {"": [error.detail]}).items():
            self.add_error(name or None, [str(message) for message in messages])
