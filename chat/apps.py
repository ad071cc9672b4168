"""The Django app configuration of chat.

It registers callbacks (hooks), so that the apps accounts and presence can call functions of chat without importing
them, and its page in the list of settings pages.
"""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        import accounts.hooks
        import presence.hooks
        from accounts.settings_pages import SettingsPage, register_settings_page
        from chat import actions, checks, selectors, tasks  # noqa: F401  (registers the system check)

        accounts.hooks.profile_changed.append(tasks.publish_profile_change.enqueue)
        accounts.hooks.receipts_setting_changed.append(actions.publish_receipts_choice)
        accounts.hooks.relationship_changed += [
            actions.publish_receipts_between,
            actions.publish_mention_counts_of_sender,
        ]
        accounts.hooks.shared_conversation_hook = selectors.filter_users_sharing_conversations
        accounts.hooks.direct_partners_hook = selectors.list_direct_partner_ids
        accounts.hooks.group_mates_hook = selectors.list_group_mate_ids
        accounts.hooks.conversation_members_hook = selectors.query_members
        presence.hooks.read_markers_hook = selectors.get_visible_read_markers
        presence.hooks.conversation_ids_hook = selectors.list_conversation_ids
        presence.hooks.new_pair_ids_hook = selectors.list_new_pair_ids
        presence.hooks.shared_users_hook = selectors.filter_users_sharing_conversations
        register_settings_page(SettingsPage("data", "own_data", _("Your data"), "download"))
