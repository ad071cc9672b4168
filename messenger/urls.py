"""Every address of the site, by app."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from messenger.api import unknown_path
from messenger.rest.docs_views import ApiDocs, ApiDocument

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),  # before allauth's, two of which it takes over
    path("accounts/", include("allauth.urls")),
    path("favicon.ico", RedirectView.as_view(url="/static/favicon.svg", permanent=True)),
    path("api/schema/", ApiDocument.as_view(), name="api_schema"),
    path("api/docs/", ApiDocs.as_view(), name="api_docs"),
    path("api/v1/", include("accounts.api_urls")),
    path("api/v1/", include("presence.api_urls")),
    path("api/v1/", include("chat.api_urls")),
    re_path(r"^api/", unknown_path),
    path("", include("chat.urls")),
]

handler500 = "messenger.api.server_error"
