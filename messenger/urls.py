"""Defines the URLs of the site."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from messenger.rest.docs_views import OpenAPISchemaView, SwaggerUIView
from messenger.rest.exceptions import api_not_found

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),  # before allauth's: it replaces two of its views
    path("accounts/", include("allauth.urls")),
    path("favicon.ico", RedirectView.as_view(url="/static/favicon.svg", permanent=True)),
    path("api/schema/", OpenAPISchemaView.as_view(), name="api_schema"),
    path("api/docs/", SwaggerUIView.as_view(), name="api_docs"),
    path("api/v1/", include("messenger.api_urls")),
    re_path(r"^api/", api_not_found),
    path("", include("calls.urls")),
    path("", include("notifications.urls")),
    path("", include("scheduling.urls")),
    path("", include("chat.urls")),
]

handler500 = "messenger.rest.exceptions.server_error"
