"""URLs of the REST API of accounts, included under /api/v1/."""

from django.urls import path

from accounts import api

urlpatterns = [
    path("auth/signup/", api.SignUpView.as_view(), name="api_signup"),
    path("auth/token/", api.TokenObtainView.as_view(), name="api_token"),
    path("auth/token/session/", api.SessionTokenView.as_view(), name="api_token_session"),
    path("auth/token/refresh/", api.TokenRefreshView.as_view(), name="api_token_refresh"),
    path("auth/token/verify/", api.TokenVerifyView.as_view(), name="api_token_verify"),
    path("auth/token/revoke/", api.TokenRevokeView.as_view(), name="api_token_revoke"),
    path("sessions/", api.SignInListView.as_view(), name="api_sessions"),
    path("sessions/<uuid:sign_in_id>/", api.SignInDetailView.as_view(), name="api_session"),
    path("me/", api.MeView.as_view(), name="api_me"),
    path("me/avatar/", api.AvatarView.as_view(), name="api_avatar"),
]
