"""The input of the REST API of notifications (msgspec structs). `preferences` and `subscriptions` check the values.

messenger/rest/inputs.py makes the validation of requests from them.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from messenger.core.field_types import DateTime, Id, PageSize, one_of
from notifications.models import EmailMode
from notifications.preferences import MAX_ALLOWED_USERS
from notifications.push.endpoints import MAX_LENGTH

Keyword = Annotated[str, msgspec.Meta(max_length=100)]


class QuietHoursPayload(msgspec.Struct):
    """Quiet hours of a weekday (0: Monday). They end on the next day if `end` is not later than `start`."""

    day: Annotated[int, msgspec.Meta(ge=0, le=6)]
    start: Annotated[str, msgspec.Meta(max_length=5)]
    end: Annotated[str, msgspec.Meta(max_length=5)]


class NotificationPreferencesChangesPayload(msgspec.Struct):
    """Changes of your notification preferences. All fields are optional."""

    show_text: bool | UnsetType = UNSET
    sound: bool | UnsetType = UNSET
    keywords: Annotated[list[Keyword], msgspec.Meta(max_length=100)] | UnsetType = UNSET
    quiet_hours: Annotated[list[QuietHoursPayload], msgspec.Meta(max_length=7)] | UnsetType = UNSET
    quiet_time_zone: Annotated[str, msgspec.Meta(max_length=64)] | UnsetType = UNSET
    allowed_user_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_ALLOWED_USERS)] | UnsetType = UNSET
    do_not_disturb_until: DateTime | UnsetType | None = UNSET
    email: Annotated[str, one_of(EmailMode.values)] | UnsetType = UNSET
    email_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] | UnsetType = UNSET
    digest_hour: Annotated[int, msgspec.Meta(ge=0, le=23)] | UnsetType = UNSET


class PushSubscriptionPayload(msgspec.Struct):
    """A push subscription of a browser: `PushSubscription.toJSON()`, with the keys beside the endpoint."""

    endpoint: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LENGTH)]
    p256dh: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    auth: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class NotificationListQuery(msgspec.Struct):
    before: Id | None = None
    limit: PageSize = 50


class GroupNotificationChangesPayload(msgspec.Struct):
    hides_text: bool
