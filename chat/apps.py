"""Chat tells accounts and presence what they ask, since neither may import it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        import accounts.hooks
        import presence.hooks
        from chat import actions, reading

        accounts.hooks.profile_changed.append(actions.profile_changed)
        presence.hooks.read_marks = reading.shown_read_marks
        presence.hooks.conversations_of = reading.conversation_ids
        presence.hooks.may_see = reading.acquainted
