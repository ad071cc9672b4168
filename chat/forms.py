"""Forms of the chat pages. The forms only parse the input, and the functions in chat.actions validate it.

If an action raises an error, the error is shown at the form field that it names.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.avatars import FORMATS
from chat.actions.forwarding import MAX_TARGETS
from chat.actions.reports import REASON_LIMIT
from chat.models import ReportKind, Role
from chat.permissions import SETTINGS
from messenger.core.errors import ApplicationError, error_message
from messenger.core.numbers import is_id

MAX_USER_IDS = 500  # in one request
_FIELD_NAMES = {"avatar": "picture"}  # field of an ApplicationError → field of a form, where the names differ


class BaseForm(forms.Form):
    _error_status = 422

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows this form: that of its error, or 200."""
        return self._error_status if self.errors else 200

    def add_application_error(self, error: ApplicationError) -> None:
        """Shows the messages of an ApplicationError at the form fields that the error names.

        If the form has none of these fields, shows the message of the error above the form.
        """
        self._error_status = error.status
        messages = {_FIELD_NAMES.get(name, name): texts for name, texts in (error.fields or {}).items()}
        if error.code == "too_large" and "picture" in self.fields:
            messages = {"picture": [str(error.detail)]}
        messages = {name: texts for name, texts in messages.items() if name in self.fields}
        for name, texts in messages.items():
            self.add_error(name, [str(text) for text in texts])
        if not messages:
            self.add_error(None, error_message(error))

    def first_error(self) -> str:
        return next((str(messages[0]) for messages in self.errors.values()), "")


class TextField(forms.CharField):
    """A text field that keeps spaces at the start and the end of the text.

    Line ends CR LF become LF, because browsers post CR LF and all other clients of the site send LF.
    """

    def __init__(self, *, required: bool = False, widget: Any = forms.Textarea, **options: Any):
        super().__init__(strip=False, required=required, widget=widget, **options)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class UserIdsField(forms.MultipleChoiceField):
    """A list of user ids, at most MAX_USER_IDS. The HTML form has one input for each id, all with the same name."""

    def validate(self, value) -> None:
        if len(value) > MAX_USER_IDS or not all(is_id(user_id) for user_id in value):
            raise forms.ValidationError(_("Choose at least one person."), code="invalid")

    def clean(self, value) -> list[int]:
        return [int(user_id) for user_id in super().clean(value)]


class ConversationIdsField(forms.MultipleChoiceField):
    """A list of at most MAX_TARGETS conversation ids. The page contains one checkbox for each conversation."""

    default_error_messages: ClassVar = {"required": _("Choose at least one chat.")}

    def validate(self, value) -> None:
        if not value or not all(is_id(conversation_id) for conversation_id in value):
            raise forms.ValidationError(self.error_messages["required"], code="invalid")
        if len(set(value)) > MAX_TARGETS:
            raise forms.ValidationError(_("Choose at most %(n)d chats."), code="invalid", params={"n": MAX_TARGETS})

    def clean(self, value) -> list[int]:
        return list(dict.fromkeys(int(conversation_id) for conversation_id in super().clean(value)))


class IdField(forms.IntegerField):
    def __init__(self, *, widget: Any = forms.HiddenInput, **options: Any):
        super().__init__(max_value=2**63 - 1, widget=widget, **{"min_value": 1, **options})


class SendForm(BaseForm):
    """The form that sends a message.

    Each time the form is rendered, it contains a new UUID `client_id`. If a user posts the same form twice, both posts
    have the same `client_id`, and only one message is sent.
    """

    body = TextField(label=_("Message"))
    client_id = forms.UUIDField(widget=forms.HiddenInput)
    reply_to_id = IdField(required=False)

    @classmethod
    def create_unbound(cls, body: str = "", reply_to_id: int | None = None) -> SendForm:
        return cls(initial={"body": body, "client_id": uuid.uuid4(), "reply_to_id": reply_to_id})

    def renew_client_id(self) -> None:
        """Gives the posted form a new `client_id` (UUID of the message), so that it can send another message.

        With the old `client_id`, the server would treat a second post as a repetition of the first message.
        """
        self.data = {name: self.data.get(name, "") for name in self.fields} | {"client_id": str(uuid.uuid4())}


class EditForm(BaseForm):
    body = TextField(label=_("Text"), widget=forms.Textarea(attrs={"rows": 4}))


class ForwardForm(BaseForm):
    """Forwards a message to several conversations.

    The HTML form has a checkbox with the name `conversation_id` for each conversation. `find` is a text to search for
    conversations. If a user posts the same form twice, the message is sent only once, as in `SendForm`.
    """

    find = forms.CharField(required=False)
    conversation_id = ConversationIdsField()
    body = TextField(label=_("Message"), widget=forms.Textarea(attrs={"rows": 1}))
    client_id = forms.UUIDField(widget=forms.HiddenInput)

    @property
    def chosen_ids(self) -> list[int]:
        """The ids of the conversations that the user has selected with checkboxes, even if the form is not valid."""
        data = self.data.getlist("conversation_id") if isinstance(self.data, QueryDict) else []
        return list(dict.fromkeys(int(value) for value in data if is_id(value)))


class ReportForm(BaseForm):
    kind = forms.ChoiceField(
        label=_("What’s wrong?"), choices=ReportKind.choices, initial=ReportKind.OTHER, required=False
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LIMIT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_(
            "Only the moderators of this site see your report, with a few messages around it. "
            "The person won’t be notified."
        ),
    )

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or ReportKind.OTHER


class ReactionForm(BaseForm):
    """Adds or removes the user's reaction to a message. The field `add` or the field `remove` contains the emoji.

    If the user posts the same form twice, the second post changes nothing.
    """

    add = forms.CharField(required=False, max_length=64)
    remove = forms.CharField(required=False, max_length=64)


class PinForm(BaseForm):
    active = forms.BooleanField(required=False)


class ReadMarkerForm(BaseForm):
    seq = IdField(min_value=0)  # 0 in a group without messages, to which somebody has added the user
    back = forms.BooleanField(required=False)


class DirectConversationForm(BaseForm):
    user_id = IdField()


class CreateGroupForm(BaseForm):
    title = forms.CharField(label=_("Group name"), required=False, max_length=200)
    user_ids = UserIdsField(required=False)


class AddMembersForm(BaseForm):
    user_ids = UserIdsField(required=False)


class RoleForm(BaseForm):
    role = forms.ChoiceField(choices=Role.choices)


class GroupWordsForm(BaseForm):
    words = TextField(
        label=_("Words"), widget=forms.Textarea(attrs={"rows": 8}), help_text=_("One word or phrase in each line.")
    )
    effect = forms.ChoiceField(
        label=_("What happens to a message with one of them"),
        choices=[("mask", _("The words are replaced by ＊")), ("block", _("The message is not sent"))],
    )


class MemberMuteForm(BaseForm):
    seconds = forms.IntegerField(min_value=0)


class DeleteGroupForm(BaseForm):
    """Asks the owner to type the name of the group, so that nobody deletes a group by accident."""

    title = forms.CharField(
        label=_("Group name"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def check_title(self, title: str) -> bool:
        """Returns True if the user has typed the name of the group (`title`) into the form. Ignores extra white space.

        Otherwise adds an error to the form field `title` and returns False.
        """
        typed = " ".join(self.data.get("title", "").split())
        if typed == title:
            return True
        self.add_error("title", _("Type the name exactly: %(title)s") % {"title": title})
        return False


class InviteForm(BaseForm):
    """Creates an invite link of a group.

    `days`: the number of days until the link expires. `max_uses`: how many users can join with the link. If a field is
    empty, it sets no limit.
    """

    days = forms.ChoiceField(
        label=_("Expires after"),
        required=False,
        choices=[("1", _("1 day")), ("7", _("1 week")), ("30", _("30 days")), ("", _("Never"))],
        initial="7",
    )
    max_uses = forms.IntegerField(
        label=_("Maximum uses"),
        required=False,
        min_value=1,
        max_value=1_000_000,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("Leave empty for no limit."),
    )


class GroupSettingsForm(BaseForm):
    picture = forms.FileField(
        label=_("Photo"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ",".join(f"image/{name.lower()}" for name in FORMATS)}),
        help_text=_("Shown in everyone’s chat list. Square, at least 256 pixels."),
    )
    title = forms.CharField(label=_("Name"), required=False, max_length=200)
    description = TextField(
        label=_("Description"), widget=forms.Textarea(attrs={"rows": 3}), help_text=_("At most 500 characters.")
    )
    announcement = TextField(
        label=_("Announcement"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Shown above the chat to all members. At most 1,000 characters."),
    )
    members_may_add = forms.BooleanField(label=_("Members can add people"), required=False)
    members_may_pin = forms.BooleanField(label=_("Members can pin messages"), required=False)
    revisions_visible = forms.BooleanField(
        label=_("Everyone can see the edit history"),
        required=False,
        help_text=_("What a message said before it was edited. The owner and admins can always see it."),
    )
    joins_need_approval = forms.BooleanField(
        label=_("New members are approved"),
        required=False,
        help_text=_("People who follow an invite link ask to join, and the owner or an admin decides."),
    )
    slow_mode = forms.TypedChoiceField(
        label=_("Slow mode"),
        choices=[
            (0, _("Off")),
            (10, _("10 seconds")),
            (30, _("30 seconds")),
            (60, _("1 minute")),
            (300, _("5 minutes")),
            (900, _("15 minutes")),
            (3600, _("1 hour")),
        ],
        coerce=int,
        required=False,
        empty_value=None,
        help_text=_("How long members wait between two messages. It does not apply to the owner and admins."),
    )

    retention_days = forms.IntegerField(
        label=_("Remove messages after (days)"),
        required=False,
        min_value=0,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("Older messages and their files are removed for everyone, for good. 0: as on this site."),
    )

    @property
    def settings(self) -> list[forms.BoundField]:
        """The fields for what the group allows to all members."""
        return [self[name] for name in SETTINGS]


class MemberStateForm(BaseForm):
    """Changes what a conversation stores for the current user only: muted, archived, favourite and others.

    All fields are optional. A field that is not sent does not change. Examples: `muted=on` or `muted=off`; `read=off`
    marks the conversation as unread.
    """

    SWITCHES = ("muted", "favourite", "archived", "receipts")

    muted = favourite = archived = receipts = forms.CharField(required=False)
    level = forms.ChoiceField(choices=[("all", ""), ("mentions", ""), ("none", "")], required=False)
    read = forms.ChoiceField(choices=[("on", ""), ("off", "")], required=False)
    announcement_seen = IdField(required=False)

    def changes(self) -> dict[str, bool | str | int]:
        """Returns the new values of the fields that were sent, by field name.

        Leaves out the field `read`: the view marks the conversation as read or unread itself.
        """
        changes: dict[str, bool | str | int] = {
            name: self.cleaned_data[name] == "on" for name in self.SWITCHES if self.cleaned_data[name] in ("on", "off")
        }
        if self.cleaned_data["level"]:
            changes["level"] = self.cleaned_data["level"]
        if self.cleaned_data["announcement_seen"]:
            changes["announcement_seen"] = self.cleaned_data["announcement_seen"]
        return changes
