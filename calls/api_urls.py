"""URLs of the REST API of calls, below /api/v1/."""

from django.urls import path

from calls.api import CallViewSet, IceServerViewSet

urlpatterns = [
    path("calls/", CallViewSet.as_view({"get": "list"}), name="api_calls"),
    path("calls/ice/", IceServerViewSet.as_view({"get": "list"}), name="api_ice"),
]
