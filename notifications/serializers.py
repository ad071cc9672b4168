"""Serializers for the input of the REST API. They check types; `preferences` and `subscriptions` the rest."""

from __future__ import annotations

from rest_framework import serializers

from messenger.rest.fields import IdField, IdListField, PageSizeField, StrictBooleanField, StrictCharField
from notifications.models import EmailMode
from notifications.push.endpoints import MAX_LENGTH


class QuietHoursSerializer(serializers.Serializer):
    day = serializers.IntegerField(min_value=0, max_value=6)
    start = StrictCharField(max_length=5)
    end = StrictCharField(max_length=5)


class NotificationPreferencesChangesSerializer(serializers.Serializer):
    show_text = StrictBooleanField()
    sound = StrictBooleanField()
    keywords = serializers.ListField(child=StrictCharField(max_length=100, allow_blank=True), max_length=100)
    quiet_hours = serializers.ListField(child=QuietHoursSerializer(), max_length=7)
    quiet_time_zone = StrictCharField(max_length=64, allow_blank=True)
    allowed_user_ids = IdListField()
    do_not_disturb_until = serializers.DateTimeField(allow_null=True)
    email = serializers.ChoiceField(choices=EmailMode.values)
    email_minutes = serializers.IntegerField(min_value=1, max_value=1440)
    digest_hour = serializers.IntegerField(min_value=0, max_value=23)


class PushSubscriptionSerializer(serializers.Serializer):
    """A push subscription of a browser: `PushSubscription.toJSON()`, with the keys beside the endpoint."""

    endpoint = StrictCharField(max_length=MAX_LENGTH)
    p256dh = StrictCharField(max_length=100)
    auth = StrictCharField(max_length=40)


class NotificationListQuerySerializer(serializers.Serializer):
    before = IdField(required=False, default=None)
    limit = PageSizeField()


class GroupNotificationChangesSerializer(serializers.Serializer):
    hides_text = StrictBooleanField()
