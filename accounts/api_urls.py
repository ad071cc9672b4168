"""URLs of the REST API of accounts, below /api/v1/.

Each entry has a path, and the method of the view set that handles each HTTP method.
"""

from django.urls import path

import messenger.core.path_converters  # noqa: F401  (the `id` in paths)
from accounts.api import (
    AvatarViewSet,
    NoticeViewSet,
    ProfileViewSet,
    SessionTokenViewSet,
    SignInViewSet,
    SignUpViewSet,
    TokenViewSet,
)

urlpatterns = [
    path("auth/signup/", SignUpViewSet.as_view({"post": "create"}), name="api_signup"),
    path("auth/token/", TokenViewSet.as_view({"post": "create"}), name="api_token"),
    path("auth/token/session/", SessionTokenViewSet.as_view({"post": "create"}), name="api_token_session"),
    path("auth/token/refresh/", TokenViewSet.as_view({"post": "refresh"}), name="api_token_refresh"),
    path("auth/token/verify/", TokenViewSet.as_view({"post": "verify"}), name="api_token_verify"),
    path("auth/token/revoke/", TokenViewSet.as_view({"post": "revoke"}), name="api_token_revoke"),
    path("sessions/", SignInViewSet.as_view({"get": "list", "delete": "destroy_others"}), name="api_sessions"),
    path("sessions/<uuid:sign_in_id>/", SignInViewSet.as_view({"delete": "destroy"}), name="api_session"),
    path("me/", ProfileViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), name="api_me"),
    path("me/notices/", NoticeViewSet.as_view({"get": "list"}), name="api_notices"),
    path("me/notices/<id:notice_id>/read/", NoticeViewSet.as_view({"post": "read"}), name="api_read_notice"),
    path("me/avatar/", AvatarViewSet.as_view({"put": "update", "delete": "destroy"}), name="api_avatar"),
]
