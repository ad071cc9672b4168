"""What page forms ask. They only shape the input; what it may be is the verb's to say, at the same field."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.avatars import FORMATS
from chat.models import Role
from chat.views.decorators import reason
from messenger.core.errors import ApplicationError

MANY = 500  # people chosen at once


class RefusableForm(forms.Form):
    def refuse(self, refusal: ApplicationError) -> None:
        """Put the words of a refusal where the person looks."""
        named = {"avatar": "picture"}  # what the API calls it
        told = {named.get(name, name): words for name, words in (refusal.fields or {}).items()}
        if refusal.code == "too_large" and "picture" in self.fields:
            told = {"picture": [str(refusal.detail)]}
        fields = {name: words for name, words in told.items() if name in self.fields}
        for name, words in fields.items():
            self.add_error(name, [str(word) for word in words])
        if not fields:
            self.add_error(None, reason(refusal))

    def first_error(self) -> str:
        return next((str(words[0]) for words in self.errors.values()), "")


class TextField(forms.CharField):
    """What somebody wrote, as they wrote it; browsers post line ends as CR LF, sockets and the API do not."""

    def __init__(self, *, required: bool = False, widget: Any = forms.Textarea, **options: Any):
        super().__init__(strip=False, required=required, widget=widget, **options)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class NumbersField(forms.MultipleChoiceField):
    """Ids of people, from any number of inputs of one name."""

    def validate(self, value) -> None:
        if len(value) > MANY or not all(number.isdecimal() and len(number) < 19 for number in value):
            raise forms.ValidationError(_("Choose somebody."), code="invalid")

    def clean(self, value) -> list[int]:
        return [int(number) for number in super().clean(value)]


class IdField(forms.IntegerField):
    def __init__(self, *, widget: Any = forms.HiddenInput, **options: Any):
        super().__init__(min_value=1, max_value=2**63 - 1, widget=widget, **options)


class SendForm(RefusableForm):
    """`client_id` is made with the form, so that the same form sent twice is one message."""

    body = TextField(label=_("Message"))
    client_id = forms.UUIDField(widget=forms.HiddenInput)
    reply_to_id = IdField(required=False)

    @classmethod
    def fresh(cls, body: str = "", reply_to_id: int | None = None) -> SendForm:
        return cls(initial={"body": body, "client_id": uuid.uuid4(), "reply_to_id": reply_to_id})

    def anew(self) -> None:
        """The same words as another message."""
        self.data = {name: self.data.get(name, "") for name in self.fields} | {"client_id": str(uuid.uuid4())}


class EditForm(RefusableForm):
    body = TextField(label=_("Text"), widget=forms.Textarea(attrs={"rows": 4}))


class ForwardForm(RefusableForm):
    conversation_id = IdField()
    client_id = forms.UUIDField(widget=forms.HiddenInput)


class ReportForm(RefusableForm):
    reason = forms.CharField(
        label=_("What is wrong with it"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The moderators of this site see your words and the message."),
    )


class ReactForm(RefusableForm):
    """`add` or `remove` holds the emoji: pressing twice is the same as once."""

    add = forms.CharField(required=False, max_length=64)
    remove = forms.CharField(required=False, max_length=64)


class ActiveForm(RefusableForm):
    active = forms.BooleanField(required=False)


class ReadForm(RefusableForm):
    seq = IdField()
    back = forms.BooleanField(required=False)


class DirectForm(RefusableForm):
    user_id = IdField()


class GroupForm(RefusableForm):
    title = forms.CharField(label=_("Name of the group"), required=False, max_length=200)
    user_ids = NumbersField(required=False)


class PeopleForm(RefusableForm):
    user_ids = NumbersField(required=False)


class RoleForm(RefusableForm):
    role = forms.ChoiceField(choices=Role.choices)


class DeleteGroupForm(RefusableForm):
    """Its name is typed, so that nobody ends a group by a slip of the hand."""

    title = forms.CharField(
        label=_("The name of the group"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def check(self, title: str) -> bool:
        """Whether it was typed, white space aside. What is wrong is said at the field."""
        typed = " ".join(self.data.get("title", "").split())
        if typed == title:
            return True
        self.add_error("title", _("Type the name just as it is: %(title)s") % {"title": title})
        return False


class InviteForm(RefusableForm):
    """How long a link works, in days, and for how many people; empty: without end."""

    days = forms.ChoiceField(
        label=_("It works"),
        required=False,
        choices=[("1", _("for a day")), ("7", _("for a week")), ("30", _("for 30 days")), ("", _("until taken back"))],
        initial="7",
    )
    max_uses = forms.IntegerField(
        label=_("For at most so many people"),
        required=False,
        min_value=1,
        max_value=1_000_000,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("Leave it empty for any number."),
    )


class GroupSettingsForm(RefusableForm):
    picture = forms.FileField(
        label=_("Picture"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ",".join(f"image/{name.lower()}" for name in FORMATS)}),
        help_text=_("Shown in everybody's list. Square, at least 256 pixels."),
    )
    remove_picture = forms.BooleanField(label=_("Remove the picture"), required=False)
    title = forms.CharField(label=_("Name"), required=False, max_length=200)
    description = TextField(
        label=_("What it is about"), widget=forms.Textarea(attrs={"rows": 3}), help_text=_("500 characters at most.")
    )
    announcement = TextField(
        label=_("Announcement"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Stands above the conversation, for everybody. 1,000 characters at most."),
    )
    members_may_add = forms.BooleanField(label=_("Members may add people"), required=False)
    members_may_pin = forms.BooleanField(label=_("Members may pin messages"), required=False)
    revisions_visible = forms.BooleanField(
        label=_("Earlier versions are visible"),
        required=False,
        help_text=_("What a message said before it was edited. The owner and admins always see it."),
    )


class MineForm(RefusableForm):
    """What is one's own about a conversation, any of it: `muted=on`, `muted=off` …; `read=off` marks it unread."""

    SWITCHES = ("muted", "favourite", "archived", "receipts")

    muted = favourite = archived = receipts = forms.CharField(required=False)
    level = forms.ChoiceField(choices=[("all", ""), ("mentions", ""), ("none", "")], required=False)
    read = forms.ChoiceField(choices=[("on", ""), ("off", "")], required=False)
    announcement_seen = IdField(required=False)

    def changes(self) -> dict[str, bool | str | int]:
        """Only what was sent."""
        changes: dict[str, bool | str | int] = {
            name: self.cleaned_data[name] == "on" for name in self.SWITCHES if self.cleaned_data[name] in ("on", "off")
        }
        if self.cleaned_data["level"]:
            changes["level"] = self.cleaned_data["level"]
        if self.cleaned_data["announcement_seen"]:
            changes["announcement_seen"] = self.cleaned_data["announcement_seen"]
        return changes
