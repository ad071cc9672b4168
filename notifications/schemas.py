"""Output schemas of notifications."""

from __future__ import annotations

from typing import Annotated

import msgspec

from messenger.core.field_types import Timestamp, one_of
from messenger.core.timestamps import format_optional_timestamp, format_timestamp
from messenger.core.user_agents import describe_user_agent
from notifications.decisions import Concern, Outcome, Reason
from notifications.models import EmailMode, NotificationPreferences, PushSubscription
from notifications.push import vapid

OutcomeName = Annotated[str, one_of(Outcome.values)]
ReasonName = Annotated[str, one_of(Reason.values)]
ConcernName = Annotated[str, one_of(Concern.values)]
EmailModeName = Annotated[str, one_of(EmailMode.values)]


class QuietHoursSchema(msgspec.Struct):
    """Quiet hours that begin on a weekday (0: Monday). An `end` that is not after `start` is on the next day."""

    day: int
    start: str
    end: str


class NotificationPreferencesSchema(msgspec.Struct):
    """What you have chosen about notifications.

    `allowed_user_ids`: people who may notify you during quiet hours and do not disturb. `quiet_time_zone`: the time
    zone of the quiet hours; empty: your own. `email`: whether unread messages that concern you are e-mailed, after
    `email_minutes` (`away`) or once a day at `digest_hour` (`daily`). `public_key`: the key with which a browser
    subscribes to push messages of this site (`applicationServerKey`); empty if the site sends none.
    """

    show_text: bool
    sound: bool
    keywords: list[str]
    quiet_hours: list[QuietHoursSchema]
    quiet_time_zone: str
    allowed_user_ids: list[int]
    do_not_disturb_until: Timestamp | None
    email: EmailModeName
    email_minutes: int
    digest_hour: int
    public_key: str


class PushSubscriptionSchema(msgspec.Struct):
    """A browser that gets your push messages. `last_error`: why the last one failed, such as `HTTP 503`."""

    id: int
    device: str
    current: bool
    created_at: Timestamp
    last_success_at: Timestamp | None
    last_error: str


class ExplanationSchema(msgspec.Struct):
    """Whether and why you were notified of a message. `detail` says it in your language.

    `outcome`: `push`, `email` (later, if it stays unread), `badge` (only counted as unread) or `nothing`. `concern`: in
    which way the message concerns you. `is_recorded`: whether this was decided when the message was sent; otherwise it
    is computed from your settings of today.
    """

    message_id: int
    outcome: OutcomeName
    reason: ReasonName
    concern: ConcernName
    detail: str
    is_recorded: bool
    decided_at: Timestamp | None = None
    pushed_at: Timestamp | None = None
    cleared_at: Timestamp | None = None
    email_due_at: Timestamp | None = None
    emailed_at: Timestamp | None = None


class GroupNotificationSchema(msgspec.Struct):
    """Settings of a group for the notifications of all members. `hides_text`: they contain no text of messages."""

    hides_text: bool


def preferences_schema(row: NotificationPreferences) -> NotificationPreferencesSchema:
    return NotificationPreferencesSchema(
        show_text=row.show_text,
        sound=row.sound,
        keywords=row.keywords,
        quiet_hours=[QuietHoursSchema(**period) for period in row.quiet_hours],
        quiet_time_zone=row.quiet_time_zone,
        allowed_user_ids=row.allowed_user_ids,
        do_not_disturb_until=format_optional_timestamp(row.do_not_disturb_until),
        email=row.email,
        email_minutes=row.email_minutes,
        digest_hour=row.digest_hour,
        public_key=vapid.public_key(),
    )


def subscription_schema(row: PushSubscription, sign_in_id: object) -> PushSubscriptionSchema:
    return PushSubscriptionSchema(
        id=row.pk,
        device=describe_user_agent(row.sign_in.user_agent),
        current=row.sign_in_id == sign_in_id,
        created_at=format_timestamp(row.created_at),
        last_success_at=format_optional_timestamp(row.last_success_at),
        last_error=row.last_error,
    )
