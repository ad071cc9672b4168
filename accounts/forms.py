"""Forms of account pages. The rules themselves are in accounts.text.usernames, accounts.actions and allauth's adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from allauth.account import forms as allauth_forms
from allauth.account.models import EmailAddress
from allauth.core import context
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import username_reservations
from accounts.auth import login_limits
from accounts.avatars import FORMATS
from accounts.models import User
from accounts.text.usernames import skeleton, storable
from accounts.timezones import known_zones
from messenger.core.client_ip import request_ip
from messenger.core.errors import Words


def wait_words(seconds: float) -> str:
    return _("Too many tries. Wait %(seconds)d seconds, then try again.") % {"seconds": int(seconds) + 1}


class SignupForm(allauth_forms.SignupForm):
    """allauth's, by page and API. `wait`: seconds, where this address has signed up too often."""

    wait = 0.0

    def clean(self) -> dict:
        cleaned = super().clean()
        self.wait = login_limits.count_sign_up(request_ip(context.request))
        if self.wait:
            raise ValidationError(wait_words(self.wait), code="rate_limited")
        return cleaned

    def try_save(self, request: HttpRequest):
        if self.account_already_exists:
            self.pretend()
        return super().try_save(request)

    def pretend(self) -> None:
        """No account is made, and nobody is to see that: it takes as long, and the name is gone."""
        User().set_password(self.cleaned_data["password1"])
        username_reservations.promise(self.cleaned_data["username"])


class RequestLoginCodeForm(allauth_forms.RequestLoginCodeForm):
    """A code goes to whoever has confirmed the address. It would confirm it, too: and who made the account under
    somebody else's address, with a password of their own, would then be in it together with that somebody.
    """

    def clean_email(self) -> str:
        email = super().clean_email()
        if self._user and not EmailAddress.objects.is_verified(email):
            self._user = None
        return email


class DeleteAccountForm(forms.Form):
    """What becomes of what they wrote; and the user name, typed, so that nobody does this by mistake."""

    STAY, TAKE_BACK = "stay", "take-back"

    words = forms.ChoiceField(choices=[(STAY, STAY), (TAKE_BACK, TAKE_BACK)], initial=STAY)
    username = forms.CharField(label=gettext_lazy("user name"), max_length=200)

    def __init__(self, *args, user: User, **options):
        super().__init__(*args, **options)
        self._user = user

    def clean_username(self) -> str:
        name = self.cleaned_data["username"].removeprefix("@")
        if skeleton(storable(name)) != self._user.username_key:
            raise ValidationError(_("This is not your user name."))
        return name


class ProfileForm(forms.ModelForm):
    """Profile and settings in one page. It only reads; `accounts.actions` judges and stores."""

    picture = forms.FileField(
        label=gettext_lazy("picture"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ",".join(f"image/{name.lower()}" for name in FORMATS)}),
    )
    remove_picture = forms.BooleanField(label=gettext_lazy("remove the picture"), required=False)
    username = forms.CharField(label=gettext_lazy("user name"), max_length=200)
    time_zone = forms.ChoiceField(label=gettext_lazy("time zone"), required=False)
    language = forms.ChoiceField(label=gettext_lazy("language"), required=False)

    class Meta:
        model = User
        fields = ("username", "name", "bio", "language", "time_zone", "theme")

    field_order = ("picture", "remove_picture")

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        browser = _("As the browser")
        for name, choices in (
            ("language", settings.LANGUAGES),
            ("time_zone", [(zone, zone) for zone in sorted(known_zones())]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", browser), *choices]

    def _post_clean(self) -> None:
        """Nothing: the instance stays as it is stored until the verb has changed it."""

    def changes(self) -> dict:
        return {name: self.cleaned_data[name] for name in self.Meta.fields}

    def refuse(self, fields: Mapping[str, Sequence[Words]]) -> None:
        """What the verb found wrong, at the fields of this page."""
        for name, words in fields.items():
            for word in words:
                self.add_error("picture" if name == "avatar" else name, str(word))
