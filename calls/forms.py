"""Forms of the settings of calls."""

from __future__ import annotations

from django import forms

from accounts.models import Audience


class CallSettingsForm(forms.Form):
    call_me = forms.ChoiceField(choices=Audience)


class GroupCallSettingsForm(forms.Form):
    calls_allowed = forms.BooleanField(required=False)
