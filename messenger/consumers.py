"""Defines the WebSocket consumer of the site, which combines the consumers of the apps.

Apps above `chat` have registered theirs in `AppConfig.ready`.

Also configures the hub (the object that delivers events to WebSocket connections) with the database queries and
background tasks of the apps.
"""

from accounts.authentication import find_ended_sign_ins
from accounts.selectors import privacy
from chat import selectors
from chat.consumers import ChatConsumer
from messenger.live.consumer import registered_consumers
from messenger.live.hub import configure
from messenger.live.reconcile import ReconciliationSource
from presence.consumers import PresenceConsumer


class MessengerConsumer(*registered_consumers(), PresenceConsumer, ChatConsumer):  # type: ignore[misc]
    list_versions = staticmethod(selectors.list_versions)
    get_epoch = staticmethod(selectors.get_epoch)
    visibility_by_user = staticmethod(privacy.visibility_for)


configure(
    ReconciliationSource(
        conversation_versions=selectors.get_conversation_versions,
        user_versions=selectors.get_user_versions,
        missed_conversation_events=selectors.build_missed_conversation_events,
        missed_user_events=selectors.build_missed_user_events,
        ended_sign_ins=find_ended_sign_ins,
        visibility_by_user=privacy.visibility_for,
    ),
    background=MessengerConsumer.background_tasks(),
)
