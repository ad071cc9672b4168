"""Included under /api/v1/."""

from django.urls import path

from accounts import api

urlpatterns = [
    path("auth/signup/", api.SignUp.as_view(), name="api_signup"),
    path("auth/token/", api.Tokens.as_view(), name="api_token"),
    path("auth/token/session/", api.SessionTokens.as_view(), name="api_token_session"),
    path("auth/token/refresh/", api.Refresh.as_view(), name="api_token_refresh"),
    path("auth/token/revoke/", api.Revoke.as_view(), name="api_token_revoke"),
    path("sessions/", api.Sessions.as_view(), name="api_sessions"),
    path("sessions/<uuid:sign_in_id>/", api.Session.as_view(), name="api_session"),
    path("me/", api.Me.as_view(), name="api_me"),
    path("me/avatar/", api.Avatar.as_view(), name="api_avatar"),
]
