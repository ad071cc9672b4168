"""Configures Django's admin site: its title, its Content-Security-Policy, and a redirect for invalid query strings."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.apps import AdminConfig
from django.db import DataError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.utils.translation import gettext_lazy as _

from messenger.core.admin_lookups import FilterLookupsOnlyMixin
from messenger.core.content_security import policy_without_trusted_types

# The pages contain no inline script and no inline style, so the browser runs no script that a name or message contains.
CONTENT_SECURITY_POLICY = policy_without_trusted_types()


class MessengerAdminConfig(AdminConfig):
    """The app config that replaces `django.contrib.admin` in INSTALLED_APPS. It uses our admin site."""

    default_site = "messenger.admin.MessengerAdminSite"


class MessengerAdminSite(AdminSite):
    site_title = site_header = settings.SITE_NAME
    index_title = _("Moderation")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Registers an admin class, of an app of ours or of a package, so that it takes no filters but those shown."""
        admin_class = admin_class or ModelAdmin
        bounded_class = type(admin_class.__name__, (FilterLookupsOnlyMixin, admin_class), {"__module__": __name__})
        super().register(model_or_iterable, bounded_class, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        checked_view = super().admin_view(view, cacheable)

        @wraps(checked_view)
        def view_with_policy(request, *args, **kwargs):
            if settings.STAFF_SECOND_FACTOR and request.user.is_staff and not _has_second_factor(request):
                messages.error(request, _("Staff need a second factor. Set one up, then you can open the admin."))
                return redirect("mfa_index")
            response = _redirect_invalid_query(checked_view, request, *args, **kwargs)
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            return response

        return view_with_policy


def _has_second_factor(request: HttpRequest) -> bool:
    from accounts.auth.mfa import has_second_factor  # imported here: this module is loaded before the models

    assert request.user.pk is not None
    return has_second_factor(request.user.pk)


def _redirect_invalid_query(view: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Calls the view. If a value in the query string causes an error, redirects to the page without query string.

    Examples are dates and numbers out of range. Django's admin itself redirects (to `?e=1`) only if it finds the
    invalid value before it queries the database. Many queries run while the template is rendered, so this function also
    renders the response. An error with another cause is not hidden: the page without query string raises it again.
    """
    if request.method not in ("GET", "HEAD") or not request.GET or "e" in request.GET:
        return view(request, *args, **kwargs)
    try:
        response = view(request, *args, **kwargs)
        return response.render() if isinstance(response, SimpleTemplateResponse) else response
    except (ValueError, OverflowError, DataError):
        return redirect(f"{request.path}?e=1")
