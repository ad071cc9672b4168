"""URLs of the REST API, version 1: its root, and the paths of all apps. Included below /api/v1/.

docs/protocol.md says which changes a version allows.
"""

from django.urls import path

import accounts.api_urls
import calls.api_urls
import chat.api_urls
import notifications.api_urls
import presence.api_urls
import scheduling.api_urls
from messenger.rest.api_root import ApiRootViewSet

urlpatterns = [
    path("", ApiRootViewSet.as_view({"get": "retrieve"}), name="api_root"),
    *accounts.api_urls.urlpatterns,
    *presence.api_urls.urlpatterns,
    *chat.api_urls.urlpatterns,
    *calls.api_urls.urlpatterns,
    *notifications.api_urls.urlpatterns,
    *scheduling.api_urls.urlpatterns,
]
