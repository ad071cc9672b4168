"""Chat tells accounts and presence what they ask, since neither may import it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        import accounts.hooks
        import presence.hooks
        from chat import actions, people, reading
        from chat.actions import receipts
        from chat.receipts import shown_read_marks

        accounts.hooks.profile_changed.append(actions.profile_changed)
        accounts.hooks.receipts_choice_changed.append(actions.receipts_choice_changed)
        accounts.hooks.tie_changed.append(receipts.tie_changed)
        accounts.hooks.shares_with = reading.acquainted
        accounts.hooks.talks_with = people.partners
        accounts.hooks.members_of = people.members
        presence.hooks.read_marks = shown_read_marks
        presence.hooks.conversations_of = reading.conversation_ids
        presence.hooks.may_see = reading.acquainted
