"""Chat tells accounts and presence what they ask, since neither may import it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        import accounts.hooks
        import presence.hooks
        from chat import actions, selectors
        from chat.actions import receipts
        from chat.selectors import visible_read_markers

        accounts.hooks.profile_changed.append(actions.profile_changed)
        accounts.hooks.receipts_choice_changed.append(actions.receipts_choice_changed)
        accounts.hooks.tie_changed.append(receipts.tie_changed)
        accounts.hooks.shares_with = selectors.users_sharing_conversations
        accounts.hooks.talks_with = selectors.list_direct_partners
        accounts.hooks.members_of = selectors.query_members
        presence.hooks.read_marks = visible_read_markers
        presence.hooks.conversations_of = selectors.list_conversation_ids
        presence.hooks.may_see = selectors.users_sharing_conversations
