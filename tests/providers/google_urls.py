"""URL patterns of the fake Google for tests (see google_settings.py)."""

from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("", lambda request: HttpResponse("a provider")),
    path("favicon.ico", lambda request: HttpResponse(content_type="image/x-icon")),
    path("accounts/", include("allauth.account.urls")),
    path("", include("allauth.idp.oidc.urls")),
]
