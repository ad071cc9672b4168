"""Pages of notifications: settings, the explanation of one message, and what browsers need for an installed app."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts import unsent_forms
from accounts.authentication import require_sign_in
from chat import actions, selectors
from chat.view_models.message_log import build_message_items
from chat.views.common import render_page, submit_form
from chat.views.decorators import AuthenticatedRequest, form_view, page_view, post_view
from messenger.core import rate_limits
from notifications import emails, explanations, preferences, subscriptions
from notifications.forms import ConversationNotificationsForm, NotificationPreferencesForm
from notifications.push import sending, vapid
from notifications.push.transport import Result


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────────
@form_view
def notification_settings(request: AuthenticatedRequest) -> HttpResponse:
    stored = preferences.get(request.user.pk)
    form = NotificationPreferencesForm(request.POST or None, user=request.user, preferences=stored)
    unsent_forms.restore(form, unsent_forms.pop_form(request))
    if request.method == "POST":
        saved = submit_form(form, lambda: preferences.update(request.user.pk, form.changes()))
        if saved:
            messages.success(request, _("Saved."))
            return redirect("notification_settings")
    is_quiet = stored.do_not_disturb_until is not None and stored.do_not_disturb_until > timezone.now()
    return render_page(
        request,
        "settings/notifications.html",
        status=form.status,
        form=form,
        do_not_disturb_until=timezone.localtime(stored.do_not_disturb_until) if is_quiet else None,
        browsers=subscriptions.list_own(request.user.pk),
        current_id=require_sign_in(request).pk,
        public_key=vapid.public_key(),
        sends_emails=settings.NOTIFICATION_EMAILS,
        recent=[(row, explanations.explain_stored(row)) for row in explanations.list_recent(request.user.pk, limit=8)],
    )


@post_view
def set_do_not_disturb(request: AuthenticatedRequest) -> HttpResponse:
    """Starts or ends do not disturb. The form field `until` is `hour`, `tomorrow` or `off`."""
    until = {
        "hour": timezone.now() + timedelta(hours=1),
        "tomorrow": preferences.find_tomorrow_morning(request.user),
    }.get(request.POST.get("until", ""))
    preferences.update(request.user.pk, {"do_not_disturb_until": until})
    messages.success(request, _("Do not disturb is on.") if until else _("Do not disturb is off."))
    return redirect("notification_settings")


@post_view
def test_subscription(request: AuthenticatedRequest, subscription_id: int) -> HttpResponse:
    row = subscriptions.get_own(request.user.pk, subscription_id)
    rate_limits.require("push", request.user.pk)
    if sending.send_test(row).result == Result.SENT:
        messages.success(request, _("Test notification sent."))
    else:
        messages.error(request, _("The push service of this browser did not accept it."))
    return redirect("notification_settings")


@post_view
def delete_subscription(request: AuthenticatedRequest, subscription_id: int) -> HttpResponse:
    subscriptions.unsubscribe(request.user.pk, subscription_id)
    messages.success(request, _("This browser gets no more notifications."))
    return redirect("notification_settings")


@form_view
def conversation_notifications(request: AuthenticatedRequest, conversation_id: int) -> HttpResponse:
    """The notification settings of one conversation; of a group also whether its notifications contain text."""
    user_id = request.user.pk
    membership = selectors.get_membership(user_id, conversation_id)
    may_hide_text = preferences.may_hide_text(membership)
    initial = {
        "level": membership.level,
        "muted": membership.muted,
        "hides_text": preferences.hides_text(user_id, conversation_id),
    }
    form = ConversationNotificationsForm(request.POST or None, initial=initial)
    unsent_forms.restore(form, unsent_forms.pop_form(request))
    if request.method == "POST" and form.is_valid():
        actions.update_member_state(user_id, conversation_id, form.member_state_changes())
        if may_hide_text and form.cleaned_data["hides_text"] != initial["hides_text"]:
            preferences.set_hides_text(user_id, conversation_id, form.cleaned_data["hides_text"])
        messages.success(request, _("Saved."))
        return redirect("conversation_notifications", conversation_id)
    return render_page(
        request,
        "notifications/conversation_notifications.html",
        status=form.status,
        form=form,
        conversation_id=conversation_id,
        may_hide_text=may_hide_text,
    )


@page_view
def message_notification(request: AuthenticatedRequest, message_id: int) -> HttpResponse:
    """Explains whether and why the user was notified of a message."""
    message = selectors.get_message(request.user.pk, message_id)
    return render_page(
        request,
        "notifications/message_notification.html",
        message=message,
        item=build_message_items([message], user_id=request.user.pk)[0],
        explanation=explanations.explain(request.user.pk, message_id),
    )


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ends e-mails about messages. E-mail programs post here without opening the page (RFC 8058, one click).

    The token in the URL is the only permission that is needed, so no CSRF token is.
    """
    user_id = emails.read_unsubscribe_token(token)
    if user_id is None:
        raise Http404
    if request.method == "POST":
        emails.unsubscribe(user_id)
    return render(request, "notifications/unsubscribe.html", {"done": request.method == "POST"})


# ── The installed app ───────────────────────────────────────────────────────────────────────────────────────────
@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Serves the service worker at the root of the site, so that it may handle all pages.

    It contains the version of the static files, so that browsers install it again after an upgrade.
    """
    source, version = _service_worker_source()
    response = HttpResponse(source.replace("__VERSION__", version), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"], response["Service-Worker-Allowed"] = "no-cache", "/"
    return response


def _service_worker_source() -> tuple[str, str]:
    return _read_service_worker() if settings.DEBUG else _cached_service_worker()


def _read_service_worker() -> tuple[str, str]:
    source = (Path(settings.BASE_DIR) / "static" / "service-worker.js").read_text()
    urls = " ".join(static(name) for name in ("js/app.js", "css/base/base.css", "icons.svg", "favicon.svg"))
    return source, hashlib.sha256(f"{source} {urls}".encode()).hexdigest()[:12]


_cached_service_worker = cache(_read_service_worker)


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Describes the site as an app that can be installed (web app manifest)."""
    name = str(settings.SITE_NAME)
    icons = [
        {"src": static("icons/app-192.png"), "sizes": "192x192", "type": "image/png"},
        {"src": static("icons/app-512.png"), "sizes": "512x512", "type": "image/png"},
        {"src": static("icons/maskable-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
        {"src": static("favicon.svg"), "sizes": "any", "type": "image/svg+xml"},
    ]
    data = {
        "id": "/",
        "name": name,
        "short_name": name[:12],
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#fdfefe",
        "theme_color": "#fdfefe",
        "icons": icons,
        "shortcuts": [
            {"name": _("New chat"), "url": reverse("new_conversation")},
            {"name": _("Mentions"), "url": reverse("mentions")},
        ],
    }
    response = JsonResponse(data, content_type="application/manifest+json", json_dumps_params={"ensure_ascii": False})
    response["Cache-Control"] = "public, max-age=3600"
    response["Vary"] = "Accept-Language, Cookie"
    return response


@require_safe
@never_cache
def csrf_token(request: HttpRequest) -> HttpResponse:
    """Returns the CSRF token of the session to the service worker, which has no page to read it from.

    Other sites cannot read the response: no CORS header allows it.
    """
    if not request.user.is_authenticated:
        return JsonResponse({"token": ""}, status=401)
    return JsonResponse({"token": get_token(request)})
