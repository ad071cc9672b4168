"""The page with contacts, contact requests and blocked users, and the page of one user."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import unsent_forms
from accounts.actions import contacts
from accounts.selectors import contact_lists, privacy, users
from accounts.selectors.user_search import search_users
from chat import actions as chat_actions
from chat import selectors
from chat.forms import ReportForm
from chat.views.common import add_form_errors, get_search_query, render_page
from chat.views.decorators import AuthenticatedRequest, form_view, page_view, post_view, redirect_back
from messenger.core.errors import ApplicationError, invalid, not_found
from presence import visibility
from presence.schemas import PresenceSchema
from presence.tracker import get_tracker

if TYPE_CHECKING:
    from accounts.models import Relationship, User

MAX_RESULTS, MAX_SUGGESTIONS = 30, 12  # people found by a search, and without one


class PersonRow(NamedTuple):
    """One user in a list. `state` is the relation of the reader to this user, such as "contact" or "none"."""

    user: User
    state: str
    presence: PresenceSchema | None = None
    place: int = 0  # index in the list of contacts by name


def _rows(relationships: Iterable[Relationship]) -> list[PersonRow]:
    return [PersonRow(relationship.person, relationship.visible_state) for relationship in relationships]


@page_view
def people(request: AuthenticatedRequest) -> HttpResponse:
    """Lists the contacts, contact requests and blocked users of the current user.

    With `?q=`, also shows the users found by this search text. Without contacts, suggests users: conversation partners
    and members of the same groups first.
    """
    user_id, query = request.user.pk, get_search_query(request)
    lists = contact_lists.list_contacts(user_id)
    presence = selectors.contact_presence(request.user, lists.contacts)
    contact_rows = [
        PersonRow(relationship.person, relationship.visible_state, presence.get(relationship.person_id), index)
        for index, relationship in enumerate(lists.contacts)
    ]
    results = _search_rows(request, query, MAX_RESULTS) if query else []
    suggestions = [] if lists.contacts or query else _search_rows(request, "", MAX_SUGGESTIONS)
    return render_page(
        request,
        "chat/people/contacts.html",
        q=query,
        found=results,
        # People with open requests have lists of their own.
        suggestions=[row for row in suggestions if row.state == "none"],
        received_requests=_rows(lists.received_requests),
        online_contacts=[row for row in contact_rows if row.presence and row.presence.online],
        offline_contacts=[row for row in contact_rows if not (row.presence and row.presence.online)],
        sent_requests=_rows(lists.sent_requests),
        refusals=selectors.find_message_refusals(
            user_id, [row.user for row in (*results, *suggestions, *contact_rows)]
        ),
        blocked=[relationship.person for relationship in contact_lists.list_blocked(user_id)],
        count=len(contact_rows),
    )


def _search_rows(request: AuthenticatedRequest, query: str, limit: int) -> list[PersonRow]:
    """Returns the users found by a search text, with contact state and presence; suggested users if it is empty."""
    user_id = request.user.pk
    found = search_users(user_id, query, limit=limit)
    user_ids = [user.pk for user in found]
    relationships = contact_lists.contacts_by_user_id(user_id, user_ids)
    presence = _visible_presence(request.user, user_ids)
    states = {pk: relationship.state for pk, relationship in relationships.items()}
    return [PersonRow(user, states.get(user.pk, "none"), presence.get(user.pk)) for user in found]


def _visible_presence(viewer: User, user_ids: list[int]) -> dict[int, PresenceSchema]:
    reachable = visibility.filter_reachable_users(viewer.pk, user_ids)
    rows = visibility.list_visible_presence(viewer, reachable, get_tracker().get_online_users(reachable))
    return {row.user_id: row for row in rows}


@page_view
def person(request: AuthenticatedRequest, user_id: int) -> HttpResponse:
    """Shows the page about the user `user_id`.

    Responds with 404 if the privacy settings of this user hide the account from the current user.
    """
    if user_id == request.user.pk:
        return redirect("profile")
    return render_person(request, user_id)


def render_person(request: AuthenticatedRequest, user_id: int, status: int = 200) -> HttpResponse:
    """Renders the page of another user. If the current user may not send messages to this user, the page says so."""
    current_user_id = request.user.pk
    user, relationship = _get_person(current_user_id, user_id)
    memberships, shared_count = selectors.list_shared_groups(current_user_id, user_id)
    return render_page(
        request,
        "chat/people/contact.html",
        status,
        person=user,
        state=relationship.visible_state if relationship else "none",
        blocked=relationship is not None and relationship.blocked_at is not None,
        refusal=selectors.find_message_refusals(current_user_id, [user]).get(user_id) if user.is_active else None,
        presence=_visible_presence(request.user, [user_id]).get(user_id),
        shared_groups=[membership.conversation for membership in memberships],
        shared_count=shared_count,
        direct_conversation_id=selectors.get_direct_conversation_id(current_user_id, user_id),
    )


def _get_person(current_user_id: int, user_id: int) -> tuple[User, Relationship | None]:
    """Returns a user whom the current user may see, and the relationship of the current user to this user, if any.

    Raises `not_found` if the privacy settings of the user hide the account.
    """
    relationship = contact_lists.find_relationship(current_user_id, user_id)
    if relationship:
        user = users.find_user(user_id)
    else:
        user = privacy.discoverable_users(current_user_id, [user_id]).get(user_id)
    return user or _get_deleted_user(current_user_id, user_id), relationship


@page_view
def block_person(request: AuthenticatedRequest, user_id: int) -> HttpResponse:
    """Asks for confirmation before a user is blocked. The form is posted to the view `update_contact`."""
    if user_id == request.user.pk:
        return redirect("profile")
    user, _relationship = _get_person(request.user.pk, user_id)
    return render_page(request, "chat/people/block_person.html", person=user)


@form_view
def report_person(request: AuthenticatedRequest, user_id: int) -> HttpResponse:
    """Shows the form that reports a user to the moderators. POST sends it."""
    if user_id == request.user.pk:
        return redirect("profile")
    user, _relationship = _get_person(request.user.pk, user_id)
    unsent = unsent_forms.get_initial(ReportForm, unsent_forms.pop_form(request))
    form = ReportForm(request.POST if request.method == "POST" else None, initial=unsent)
    if request.method == "POST" and form.is_valid():
        try:
            chat_actions.report_user(request.user.pk, user_id, form.cleaned_data["reason"], form.cleaned_data["kind"])
            messages.success(request, _("Report sent to the moderators. Thank you."))
            return redirect("person", user_id)
        except ApplicationError as error:
            add_form_errors(form, error)
    status = 400 if form.errors else 200
    return render_page(request, "chat/people/report_person.html", status, person=user, form=form)


def _get_deleted_user(current_user_id: int, user_id: int) -> User:
    """Returns the user `user_id`, who has deleted the account, if the current user is in a conversation with this user.

    Otherwise raises `not_found`.
    """
    user = users.find_user(user_id)
    if user is None or user.deleted_at is None:
        raise not_found()
    # A direct conversation without messages, which only the current user has opened, is not shared yet.
    if not (
        selectors.filter_users_sharing_conversations(current_user_id, [user_id])
        or selectors.get_direct_conversation_id(current_user_id, user_id)
    ):
        raise not_found()
    return user


@post_view
def update_contact(request: AuthenticatedRequest, user_id: int) -> HttpResponse:
    """Runs the action that the form field `do` names on the user `user_id`, for example `block` or `accept`.

    Shows the result as a flash message.
    """
    actions: dict[str, tuple[Callable[[int, int], Any], str]] = {
        "add": (contacts.add_contact, ""),
        "accept": (contacts.add_contact, _("You’re now contacts.")),
        "decline": (contacts.decline_request, _("Request declined.")),
        "ignore": (contacts.ignore_request, _("Request ignored. They won’t be notified.")),
        "remove": (contacts.remove_contact, _("Removed from contacts.")),
        "block": (contacts.block_user, _("Blocked. They won’t be notified.")),
        "unblock": (contacts.unblock_user, _("Unblocked.")),
    }
    action, success_message = actions.get(request.POST.get("do", ""), (None, ""))
    if action is None:
        raise invalid(do=_("Choose one of the options."))
    contact = action(request.user.pk, user_id)
    if not success_message:
        success_message = _("Request sent.") if contact.state == "asked" else _("Added to contacts.")
    messages.success(request, success_message)
    if request.GET.get("page") == "person":
        return redirect("person", user_id)
    if request.POST.get("next"):
        return redirect_back(request, "people")
    query = get_search_query(request)
    return redirect(reverse("people") + (f"?{urlencode({'q': query})}" if query else ""))
