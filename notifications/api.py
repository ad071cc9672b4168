"""REST views of notifications: preferences, browsers that get push messages, and explanations."""

from __future__ import annotations

from django.utils.translation import gettext as _

from messenger.core import rate_limits
from messenger.core.errors import ApplicationError
from messenger.rest.openapi import error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, no_content, respond
from notifications import explanations, preferences, subscriptions
from notifications.payloads import (
    GroupNotificationChangesPayload,
    NotificationListQuery,
    NotificationPreferencesChangesPayload,
    PushSubscriptionPayload,
)
from notifications.push import sending
from notifications.push.transport import Result
from notifications.schemas import (
    ExplanationSchema,
    GroupNotificationSchema,
    NotificationPreferencesSchema,
    PushSubscriptionSchema,
    preferences_schema,
    subscription_schema,
)


class NotificationPreferencesViewSet(ApiViewSet):
    @response_schema(NotificationPreferencesSchema, "My notification preferences")
    def retrieve(self, request):
        return respond(preferences_schema(preferences.get(self.user_id)))

    @response_schema(
        NotificationPreferencesSchema,
        "Change my notification preferences",
        request=NotificationPreferencesChangesPayload,
    )
    def partial_update(self, request):
        changes = self.changes(NotificationPreferencesChangesPayload)
        return respond(preferences_schema(preferences.update(self.user_id, changes)))


class PushSubscriptionViewSet(ApiViewSet):
    @list_schema(PushSubscriptionSchema, "List my browsers that get push messages")
    def list(self, request):
        rows = subscriptions.list_own(self.user_id)
        return paginated_response(request, [subscription_schema(row, request.auth.pk) for row in rows])

    @response_schema(
        PushSubscriptionSchema,
        "Send push messages to this browser",
        created="The subscription. It replaces the one before of the same sign-in.",
        request=PushSubscriptionPayload,
    )
    def create(self, request):
        data = self.payload(PushSubscriptionPayload)
        row = subscriptions.subscribe(request.auth, data.endpoint, data.p256dh, data.auth)
        return respond(subscription_schema(row, request.auth.pk), 201)

    @no_content_schema("Stop push messages to a browser")
    def destroy(self, request, subscription_id: int):
        subscriptions.unsubscribe(self.user_id, subscription_id)
        return no_content()

    @no_content_schema(
        "Send a test notification to a browser",
        request=None,
        errors=error_responses(unavailable="`unavailable`: the push service did not accept it."),
    )
    def test(self, request, subscription_id: int):
        row = subscriptions.get_own(self.user_id, subscription_id)
        rate_limits.require("push", self.user_id)
        response = sending.send_test(row)
        if response.result != Result.SENT:
            raise ApplicationError("unavailable", _("The push service of this browser did not accept it."))
        return no_content()


class NotificationViewSet(ApiViewSet):
    @list_schema(
        ExplanationSchema,
        "List what was decided about messages that concern me or were pushed, newest first",
        parameters=[NotificationListQuery],
    )
    def list(self, request):
        query = self.query(NotificationListQuery)
        rows = explanations.list_recent(self.user_id, before=query.before, limit=query.limit + 1)
        page, has_more = rows[: query.limit], len(rows) > query.limit
        results = [explanations.explain_stored(row) for row in page]
        return paginated_response(request, results, page[-1].pk if has_more else None)

    @response_schema(ExplanationSchema, "Whether and why I was notified of a message")
    def retrieve(self, request, message_id: int):
        return respond(explanations.explain(self.user_id, message_id))


class GroupNotificationViewSet(ApiViewSet):
    @response_schema(GroupNotificationSchema, "Settings of a group for the notifications of all members")
    def retrieve(self, request, conversation_id: int):
        return respond(GroupNotificationSchema(preferences.hides_text(self.user_id, conversation_id)))

    @response_schema(
        GroupNotificationSchema,
        "Change the settings of a group for the notifications of all members",
        request=GroupNotificationChangesPayload,
    )
    def partial_update(self, request, conversation_id: int):
        hides_text = self.payload(GroupNotificationChangesPayload).hides_text
        preferences.set_hides_text(self.user_id, conversation_id, hides_text)
        return respond(GroupNotificationSchema(hides_text))
