"""Pages of recovery codes: those of allauth, which also say when the stored codes can no longer be read."""

from __future__ import annotations

from typing import Any

from allauth.mfa.recovery_codes import views as allauth_views
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from accounts.auth.mfa import UnreadableSecret


class RecoveryCodesView(allauth_views.ViewRecoveryCodesView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except UnreadableSecret:
            return render(request, self.template_name, {"is_unreadable": True, "can_generate_codes": True})


class DownloadRecoveryCodesView(allauth_views.DownloadRecoveryCodesView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except UnreadableSecret:
            raise Http404 from None


class GenerateRecoveryCodesView(allauth_views.GenerateRecoveryCodesView):
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().get(request, *args, **kwargs)
        except UnreadableSecret:  # allauth counts the codes that are left
            return render(request, self.template_name, {"form": self.get_form(), "unused_code_count": 0})
