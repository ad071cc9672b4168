"""URLs of account pages. They are included before allauth's URLs, because some of them replace allauth's pages."""

from django.urls import path
from django.views.generic import RedirectView

import messenger.core.path_converters  # noqa: F401  # registers the converter `id`
from accounts import views

urlpatterns = [
    path("accounts/login/", views.SignInView.as_view(), name="account_login"),
    path("accounts/signup/", views.SignUpView.as_view(), name="account_signup"),
    path("accounts/email/", views.EmailAddressesView.as_view(), name="account_email"),
    path("accounts/confirm-email/<str:key>/", views.ConfirmEmailView.as_view(), name="account_confirm_email"),
    path("accounts/2fa/webauthn/", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_list_webauthn"),
    path("accounts/2fa/recovery-codes/", views.RecoveryCodesView.as_view(), name="mfa_view_recovery_codes"),
    path(
        "accounts/2fa/recovery-codes/generate/",
        views.GenerateRecoveryCodesView.as_view(),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "accounts/2fa/recovery-codes/download/",
        views.DownloadRecoveryCodesView.as_view(),
        name="mfa_download_recovery_codes",
    ),
    path("join/<str:token>/", views.accept_signup_link, name="join"),
    path("language/", views.set_language, name="set_language"),
    path("settings/", views.profile, name="profile"),
    path("settings/privacy/", views.privacy, name="privacy"),
    path("accounts/suspended/", views.suspended, name="suspended"),
    path("accounts/inactive/", RedirectView.as_view(pattern_name="suspended"), name="account_inactive"),
    path("notices/", views.notices, name="notices"),
    path("notices/<id:notice_id>/read/", views.acknowledge_notice, name="acknowledge_notice"),
    path("goodbye/", views.account_deleted, name="account_deleted"),
    path("settings/sessions/", views.sessions, name="sessions"),
    path("settings/sessions/end/", views.end_other_sessions, name="end_other_sessions"),
    path("settings/sessions/<uuid:sign_in_id>/end/", views.end_session, name="end_session"),
    path("avatars/<id:user_id>/<str:name>", views.avatar, name="avatar"),
]
