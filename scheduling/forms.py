"""Forms of scheduled messages and reminders. They parse the input; the actions validate it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chat.forms import BaseForm, IdField, TextField
from messenger.core.numbers import is_id


class LocalTimeField(forms.DateTimeField):
    """A time on the clock of the reader, also in the hours in which clocks are changed.

    Of a time that occurs twice, the first is meant. A time that is skipped is read as if the clock had not yet been
    changed, so that 02:30 becomes 03:30. Calendars do the same (RFC 5545, section 3.3.5).
    """

    def to_python(self, value: Any) -> datetime | None:
        try:
            return super().to_python(value)
        except forms.ValidationError as error:
            if error.code != "ambiguous_timezone":
                raise
        zone = timezone.get_current_timezone()
        with timezone.override(UTC):  # reads the clock without a zone
            clock = super().to_python(value)
        return clock and clock.replace(tzinfo=zone).astimezone(UTC)


class TimeForm(BaseForm):
    """A time: one of those that the page offers (`choice`, ISO 8601 with offset), or another one (`at`).

    `at` is in the time zone of the reader.
    """

    at = LocalTimeField(
        label=gettext_lazy("another time"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    choice = forms.DateTimeField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("choice") and not cleaned.get("at") and not self.errors:
            self.add_error("at", _("Choose a time."))
        return cleaned

    @property
    def time(self) -> datetime:
        return self.cleaned_data["choice"] or self.cleaned_data["at"]


class AttachmentIdsField(forms.MultipleChoiceField):
    """Ids of uploaded files: one hidden input for each."""

    widget = forms.MultipleHiddenInput

    def validate(self, value: list[str]) -> None:
        if not all(is_id(each) for each in value):
            raise forms.ValidationError(_("This file doesn’t exist or was already sent."), code="invalid")

    def clean(self, value: Any) -> list[int]:
        return [int(each) for each in super().clean(value)]


class ScheduleForm(TimeForm):
    body = TextField(label=gettext_lazy("Message"), widget=forms.Textarea(attrs={"rows": 4}))
    client_id = forms.UUIDField(widget=forms.HiddenInput)
    reply_to_id = IdField(required=False)
    attachment_ids = AttachmentIdsField(required=False)


class ScheduledMessageForm(TimeForm):
    body = TextField(label=gettext_lazy("Message"), widget=forms.Textarea(attrs={"rows": 4}))
