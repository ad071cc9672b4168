"""Forms of the notification settings. They parse the input; `notifications.preferences` validates and stores it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.forms import TimeZoneSelect
from accounts.models import User
from accounts.selectors import contact_lists, privacy
from accounts.selectors.timezones import find_time_zone, group_time_zones, time_zone_for
from chat import selectors
from chat.forms import BaseForm
from chat.models import Level
from notifications.models import EmailMode, NotificationPreferences

MAX_PARTNERS = 20  # partners of direct conversations that are offered
TIME_INPUT = {"type": "time", "class": "input"}


class NotificationPreferencesForm(BaseForm):
    show_text = forms.BooleanField(label=gettext_lazy("show the text of messages"), required=False)
    sound = forms.BooleanField(label=gettext_lazy("sound"), required=False)
    keywords = forms.CharField(label=gettext_lazy("keywords"), required=False, max_length=2000)
    email = forms.ChoiceField(label=gettext_lazy("email"), choices=EmailMode.choices)
    email_minutes = forms.IntegerField(label=gettext_lazy("minutes"), min_value=1, max_value=1440)
    digest_hour = forms.TypedChoiceField(
        label=gettext_lazy("hour"), coerce=int, choices=[(hour, f"{hour:02d}:00") for hour in range(24)]
    )
    quiet_time_zone = forms.ChoiceField(label=gettext_lazy("time zone"), required=False, widget=TimeZoneSelect)
    allowed_user_ids = forms.MultipleChoiceField(label=gettext_lazy("people"), required=False)

    def __init__(self, data: Any, *, user: User, preferences: NotificationPreferences):
        periods = {period["day"]: period for period in preferences.quiet_hours}
        initial = {
            "show_text": preferences.show_text,
            "sound": preferences.sound,
            "keywords": ", ".join(preferences.keywords),
            "email": preferences.email,
            "email_minutes": preferences.email_minutes,
            "digest_hour": preferences.digest_hour,
            "quiet_time_zone": preferences.quiet_time_zone,
            "allowed_user_ids": [str(pk) for pk in preferences.allowed_user_ids],
        }
        for day in range(7):
            initial |= {f"{edge}_{day}": periods.get(day, {}).get(edge, "") for edge in ("start", "end")}
        super().__init__(data, initial=initial)
        for day, name in WEEKDAYS.items():
            labels = {"start": _("%(day)s from"), "end": _("%(day)s until")}
            for edge, label in labels.items():
                text = label % {"day": name}
                self.fields[f"{edge}_{day}"] = forms.TimeField(
                    label=text,
                    required=False,
                    widget=forms.TimeInput(attrs={**TIME_INPUT, "aria-label": text}, format="%H:%M"),
                    input_formats=["%H:%M", "%H:%M:%S"],
                )
        self.people = self._list_people(user, preferences)
        self._set_choices("allowed_user_ids", [(str(person.pk), person.display_name) for person in self.people])
        own_zone = find_time_zone(str(time_zone_for(user, {})))
        own = _("Same as in my profile: %(zone)s") % {"zone": own_zone.label if own_zone else "UTC"}
        zones = [(region, [(zone.name, zone.label) for zone in zones]) for region, zones in group_time_zones()]
        self._set_choices("quiet_time_zone", [("", own), *zones])

    def _set_choices(self, name: str, choices: list) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def _list_people(self, user: User, preferences: NotificationPreferences) -> list[User]:
        """Returns whom the form offers: the contacts, the last direct partners, and those who are chosen already."""
        people = {row.person_id: row.person for row in contact_lists.list_contacts(user.pk).contacts}
        other_ids = [*selectors.list_direct_partner_ids(user.pk)[:MAX_PARTNERS], *preferences.allowed_user_ids]
        others = privacy.discoverable_users(user.pk, [pk for pk in other_ids if pk not in people])
        return [*people.values(), *others.values()]

    @property
    def days(self) -> list[dict[str, Any]]:
        """The rows of the quiet hours: the name of a weekday and its two fields."""
        return [
            {"name": name, "start": self[f"start_{day}"], "end": self[f"end_{day}"]} for day, name in WEEKDAYS.items()
        ]

    @property
    def allowed_ids(self) -> list[str]:
        return [str(pk) for pk in self["allowed_user_ids"].value() or []]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for day in range(7):
            start, end = cleaned.get(f"start_{day}"), cleaned.get(f"end_{day}")
            if (start is None) != (end is None) and not {f"start_{day}", f"end_{day}"} & set(self.errors):
                self.add_error(f"end_{day}" if end is None else f"start_{day}", _("Fill in both times, or neither."))
        return cleaned

    def changes(self) -> dict[str, Any]:
        """Returns the values for `preferences.update`."""
        data = self.cleaned_data
        words = data["keywords"].replace("，", ",").replace("、", ",").replace("\n", ",").split(",")
        return {
            **{name: data[name] for name in ("show_text", "sound", "email", "email_minutes", "digest_hour")},
            "quiet_time_zone": data["quiet_time_zone"],
            "keywords": words,
            "allowed_user_ids": [int(pk) for pk in data["allowed_user_ids"]],
            "quiet_hours": [
                {"day": day, "start": f"{data[f'start_{day}']:%H:%M}", "end": f"{data[f'end_{day}']:%H:%M}"}
                for day in range(7)
                if data.get(f"start_{day}") is not None and data.get(f"end_{day}") is not None
            ],
        }


class ConversationNotificationsForm(BaseForm):
    """What a user chooses for one conversation, and what those who may change a group choose for all its members."""

    level = forms.ChoiceField(choices=Level.choices, label=gettext_lazy("notify me of"))
    muted = forms.BooleanField(required=False, label=gettext_lazy("mute"))
    hides_text = forms.BooleanField(required=False, label=gettext_lazy("hide the text"))

    def member_state_changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("level", "muted")}
