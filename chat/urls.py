"""Addresses of the pages."""

from django.urls import path

import messenger.paths  # noqa: F401  (the `id` in paths)
from chat import views

urlpatterns = [
    path("", views.home, name="home"),
    path("new/", views.new_conversation, name="new_conversation"),
    path("new/direct/", views.new_direct, name="new_direct"),
    path("new/group/", views.new_group, name="new_group"),
    path("people/", views.people, name="people"),
    path("mentions/", views.mentions, name="mentions"),
    path("c/<id:conversation_id>/", views.conversation, name="conversation"),
    path("c/<id:conversation_id>/send/", views.send, name="send"),
    path("c/<id:conversation_id>/read/", views.mark_read, name="mark_read"),
    path("c/<id:conversation_id>/mine/", views.set_mine, name="set_mine"),
    path("c/<id:conversation_id>/settings/", views.group_settings, name="group_settings"),
    path("c/<id:conversation_id>/members/add/", views.add_members, name="add_members"),
    path("c/<id:conversation_id>/members/<id:user_id>/remove/", views.remove_member, name="remove_member"),
    path("c/<id:conversation_id>/members/<id:user_id>/role/", views.set_role, name="set_role"),
    path("c/<id:conversation_id>/delete/", views.delete_group, name="delete_group"),
    path("m/<id:message_id>/", views.message, name="message"),
    path("m/<id:message_id>/act/", views.message_actions, name="message_actions"),
    path("m/<id:message_id>/edit/", views.edit_message, name="edit_message"),
    path("m/<id:message_id>/delete/", views.delete_message, name="delete_message"),
    path("m/<id:message_id>/react/", views.react, name="react"),
    path("m/<id:message_id>/pin/", views.pin, name="pin"),
    path("m/<id:message_id>/forward/", views.forward_message, name="forward_message"),
    path("m/<id:message_id>/report/", views.report_message, name="report_message"),
    path("m/<id:message_id>/revisions/", views.revisions, name="revisions"),
]
