"""The one socket, put together: who authenticates, whose commands it obeys, where the truth is read."""

from accounts.authentication import authenticate_socket, still_valid
from accounts.selectors import privacy
from chat import selectors
from chat.consumers import PART as CHAT
from messenger.live.consumer import LiveConsumer
from messenger.live.hub import configure
from messenger.live.reconcile import Source
from presence.consumers import PART as PRESENCE


class MessengerConsumer(LiveConsumer):
    parts = (PRESENCE, CHAT)
    authenticate = staticmethod(authenticate_socket)
    versions = staticmethod(selectors.list_versions)
    ears = staticmethod(privacy.ears)


configure(
    Source(
        selectors.conversation_versions,
        selectors.user_versions,
        selectors.missed_conversation_events,
        selectors.missed_user_events,
        still_valid,
        privacy.ears,
    ),
    background=[part.run for part in MessengerConsumer.parts],
)
