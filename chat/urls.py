"""Addresses of the pages."""

from django.urls import path

import messenger.paths  # noqa: F401  (the `id` in paths)
from chat.views import conversations, groups, messages, people

urlpatterns = [
    path("", conversations.home, name="home"),
    path("new/", people.new_conversation, name="new_conversation"),
    path("new/direct/", people.new_direct, name="new_direct"),
    path("new/group/", people.new_group, name="new_group"),
    path("people/", people.people, name="people"),
    path("mentions/", messages.mentions, name="mentions"),
    path("c/<id:conversation_id>/", conversations.conversation, name="conversation"),
    path("c/<id:conversation_id>/send/", conversations.send, name="send"),
    path("c/<id:conversation_id>/read/", conversations.mark_read, name="mark_read"),
    path("c/<id:conversation_id>/mine/", conversations.set_mine, name="set_mine"),
    path("c/<id:conversation_id>/settings/", groups.group_settings, name="group_settings"),
    path("c/<id:conversation_id>/members/add/", groups.add_members, name="add_members"),
    path("c/<id:conversation_id>/members/<id:user_id>/remove/", groups.remove_member, name="remove_member"),
    path("c/<id:conversation_id>/members/<id:user_id>/role/", groups.set_role, name="set_role"),
    path("c/<id:conversation_id>/delete/", groups.delete_group, name="delete_group"),
    path("m/<id:message_id>/", messages.message, name="message"),
    path("m/<id:message_id>/act/", messages.message_actions, name="message_actions"),
    path("m/<id:message_id>/edit/", messages.edit_message, name="edit_message"),
    path("m/<id:message_id>/delete/", messages.delete_message, name="delete_message"),
    path("m/<id:message_id>/react/", messages.react, name="react"),
    path("m/<id:message_id>/pin/", messages.pin, name="pin"),
    path("m/<id:message_id>/forward/", messages.forward_message, name="forward_message"),
    path("m/<id:message_id>/report/", messages.report_message, name="report_message"),
    path("m/<id:message_id>/revisions/", messages.revisions, name="revisions"),
]
