"""URLs of the REST API of calls, below /api/v1/."""

from django.urls import path

from calls.api import CallViewSet, IceServerViewSet
from messenger.core import path_converters  # noqa: F401  (registers <id:…>)

urlpatterns = [
    path("calls/", CallViewSet.as_view({"get": "list"}), name="api_calls"),
    path("calls/<id:call_id>/decline/", CallViewSet.as_view({"post": "decline"}), name="api_decline_call"),
    path("calls/<id:call_id>/leaving/", CallViewSet.as_view({"post": "leaving"}), name="api_leaving_call"),
    path("calls/ice/", IceServerViewSet.as_view({"get": "list"}), name="api_ice"),
]
