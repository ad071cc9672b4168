"""Pages of scheduled messages and reminders. The pages that ask for a time are shown as dialogs if scripts run."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import unsent_forms
from accounts.selectors.timezones import find_time_zone
from chat import actions, selectors
from chat.selectors import get_titles_by_conversation
from chat.templatetags.chat_tags import full_datetime
from chat.view_models.message_log import build_message_items
from chat.views.common import render_page, store_posted_files, submit_form
from chat.views.decorators import AuthenticatedRequest, form_view, page_view, post_view, redirect_back
from messenger.core.errors import not_found
from scheduling import reminders, scheduled_messages, times
from scheduling.forms import ScheduledMessageForm, ScheduleForm, TimeForm
from scheduling.models import ScheduledMessage

SNOOZE = timedelta(hours=1)


@page_view
def later(request: AuthenticatedRequest) -> HttpResponse:
    """Lists the scheduled messages and the reminders of the user."""
    user_id = request.user.pk
    rows = reminders.list_own(user_id)
    found = reminders.load_messages(rows)
    titles = get_titles_by_conversation(user_id)
    scheduled = scheduled_messages.list_own(user_id)
    names = scheduled_messages.get_file_names(scheduled)
    listed = [(row, found[row.message_id], titles.get(found[row.message_id].conversation_id)) for row in rows]
    return render_page(
        request,
        "scheduling/later.html",
        scheduled=[
            (row, titles.get(row.conversation_id), [names[pk] for pk in row.attachment_ids if pk in names])
            for row in scheduled
        ],
        due=[each for each in listed if each[0].notified_at],
        upcoming=[each for each in listed if not each[0].notified_at],
    )


def _time_context() -> dict[str, object]:
    name = str(timezone.get_current_timezone())
    zone = find_time_zone(name)
    return {"choices": times.list_choices(), "zone": zone.label if zone else name}


# ── Scheduled messages ──────────────────────────────────────────────────────────────────────────────────────────
@form_view
def send_later(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    """Asks when a message is to be sent. The composer posts its text here, and this page posts the time too."""
    selectors.get_membership(request.user.pk, conversation_id)
    if "choice" in request.POST or "at" in request.POST:
        form = ScheduleForm(request.POST)
        scheduled = submit_form(form, lambda: _schedule(request.user.pk, conversation_id, form))
        if scheduled:
            # As after sending at once: the text was the draft.
            actions.update_member_state(request.user.pk, conversation_id, {"draft": ""})
            messages.success(request, _scheduled_text(scheduled.send_at))
            return redirect("conversation", conversation_id)
    else:
        values = request.POST if request.method == "POST" else unsent_forms.pop_form(request)
        initial = {name: values.get(name, "") for name in ("body", "client_id", "reply_to_id", "at")}
        client_id = _parse_client_id(initial["client_id"])
        # With scripts, the files are uploaded already; without, the form contains them.
        ids = [*values.getlist("attachment_ids"), *store_posted_files(request, conversation_id, client_id)]
        form = ScheduleForm(initial={**initial, "client_id": client_id, "attachment_ids": ids})
    return render_page(
        request,
        "scheduling/send_later.html",
        status=form.status,
        form=form,
        conversation_id=conversation_id,
        file_count=len(form["attachment_ids"].value() or []),
        **_time_context(),
    )


def _schedule(user_id: int, conversation_id: int, form: ScheduleForm) -> ScheduledMessage:
    data = form.cleaned_data
    row, _created = scheduled_messages.schedule(
        user_id,
        conversation_id,
        data["client_id"],
        data["body"].rstrip(),
        form.time,
        data["reply_to_id"],
        data["attachment_ids"],
    )
    return row


def _parse_client_id(text: str) -> uuid.UUID:
    """Returns the UUID that the composer has created, or a new one if it is missing."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid4()


def _scheduled_text(at: datetime) -> str:
    return _("Will be sent: %(time)s.") % {"time": full_datetime(at)}


@form_view
def scheduled_message(request: AuthenticatedRequest, scheduled_id: int) -> HttpResponse:
    """Changes the text and the time of a scheduled message."""
    row = scheduled_messages.get_own(request.user.pk, scheduled_id)
    if request.method == "POST":
        form = ScheduledMessageForm(request.POST)
        changed = submit_form(
            form,
            lambda: scheduled_messages.change(
                request.user.pk, scheduled_id, body=form.cleaned_data["body"].rstrip(), send_at=form.time
            ),
        )
        if changed:
            messages.success(request, _scheduled_text(changed.send_at))
            return redirect("later")
    else:
        unsent = unsent_forms.get_initial(ScheduledMessageForm, unsent_forms.pop_form(request))
        entered = {name: value for name, value in unsent.items() if value}
        form = ScheduledMessageForm(initial={"body": row.body, "at": row.send_at, **entered})
    return render_page(
        request,
        "scheduling/scheduled_message.html",
        status=form.status,
        form=form,
        row=row,
        files=list(scheduled_messages.get_file_names([row]).values()),
        title=get_titles_by_conversation(request.user.pk).get(row.conversation_id),
        **_time_context(),
    )


@post_view
def send_scheduled_now(request: AuthenticatedRequest, scheduled_id: int) -> HttpResponse:
    scheduled_messages.send_now(request.user.pk, scheduled_id)
    messages.success(request, _("It’s being sent."))
    return redirect("later")


@post_view
def cancel_scheduled(request: AuthenticatedRequest, scheduled_id: int) -> HttpResponse:
    scheduled_messages.cancel(request.user.pk, scheduled_id)
    messages.success(request, _("Deleted. It won’t be sent."))
    return redirect("later")


# ── Reminders ───────────────────────────────────────────────────────────────────────────────────────────────────
@form_view
def remind(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    """Asks when the user wants to be reminded of a message."""
    user_id = request.user.pk
    message = selectors.get_message(user_id, message_id)
    if message.deleted_at is not None:
        raise not_found()
    existing = reminders.find_for_message(user_id, message_id)
    if request.method == "POST":
        form = TimeForm(request.POST)
        result = submit_form(form, lambda: reminders.set_reminder(user_id, message_id, form.time))
        if result:
            messages.success(request, _reminder_text(result[0].remind_at))
            return redirect_back(request, "later")
    else:
        form = TimeForm(initial={"at": existing.remind_at} if existing and not existing.notified_at else None)
    return render_page(
        request,
        "scheduling/remind.html",
        status=form.status,
        form=form,
        message=message,
        item=build_message_items([message], user_id=user_id)[0],
        existing=existing,
        **_time_context(),
    )


def _reminder_text(at: datetime) -> str:
    return _("You’ll be reminded: %(time)s.") % {"time": full_datetime(at)}


@post_view
def reminder_command(request: AuthenticatedRequest, reminder_id: int) -> HttpResponse:
    """Snoozes a reminder for an hour, or deletes it. The form field `do` is `snooze` or `remove`."""
    if request.POST.get("do") == "snooze":
        row = reminders.get_own(request.user.pk, reminder_id)
        row, _created = reminders.set_reminder(request.user.pk, row.message_id, timezone.now() + SNOOZE)
        messages.success(request, _reminder_text(row.remind_at))
    else:
        reminders.remove(request.user.pk, reminder_id)
        messages.success(request, _("Reminder removed."))
    return redirect_back(request, "later")
