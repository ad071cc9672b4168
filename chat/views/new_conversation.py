"""The page on which a user starts a conversation, and views that open a direct conversation or create a group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import redirect

from accounts import unsent_forms
from chat import actions, selectors
from chat.actions.groups.settings import TITLE_LIMIT
from chat.forms import CreateGroupForm, DirectConversationForm
from chat.view_models.message_log import format_name_list
from chat.views.common import add_form_errors, get_cleaned_data, render_page
from chat.views.contacts import render_person
from chat.views.decorators import AuthenticatedRequest, page_view, post_view
from chat.views.people_picker import PeoplePicker
from messenger.core.errors import ApplicationError

if TYPE_CHECKING:
    from accounts.models import User


@page_view
def new_conversation(request: AuthenticatedRequest) -> HttpResponse:
    unsent = unsent_forms.get_initial(CreateGroupForm, unsent_forms.pop_form(request))
    return render_new_conversation(request, CreateGroupForm(initial=unsent))


def render_new_conversation(request: AuthenticatedRequest, form: CreateGroupForm, status: int = 200) -> HttpResponse:
    picker = PeoplePicker(request, suggest_without_query=True)
    return render_page(
        request,
        "chat/people/new_conversation.html",
        status,
        form=form,
        picker=picker,
        refusals=selectors.find_message_refusals(request.user.pk, picker.results),
        named=_default_title(picker.selected),
    )


def _default_title(users: Iterable[User]) -> str:
    """Returns the title for a group that was created without a title: the names of its other members `users`.

    If there are many names, the title has the first ones only.
    """
    names = [user.display_name for user in users]
    while names and len(title := format_name_list(names)) > TITLE_LIMIT:
        names.pop()
    return title if names else ""


@post_view
def new_direct(request: AuthenticatedRequest) -> HttpResponse:
    """Opens the direct conversation with another user.

    If the privacy settings of this user or a block do not allow it, shows the page of this user with an explanation.
    """
    user_id = get_cleaned_data(DirectConversationForm(request.POST))["user_id"]
    try:
        conversation, _created = actions.open_direct_conversation(request.user.pk, user_id)
    except ApplicationError as error:
        if error.code not in {"forbidden", "blocked"}:
            raise
        return render_person(request, user_id, error.status)
    return redirect("conversation", conversation.id)


@post_view
def new_group(request: AuthenticatedRequest) -> HttpResponse:
    form = CreateGroupForm(request.POST)
    if not form.is_valid():
        return render_new_conversation(request, form, 400)
    try:
        title = form.cleaned_data["title"].strip() or _default_title(PeoplePicker(request).selected)
        conversation = actions.create_group(request.user.pk, title, form.cleaned_data["user_ids"])
    except ApplicationError as error:
        return render_new_conversation(request, form, add_form_errors(form, error))
    return redirect("conversation", conversation.id)
