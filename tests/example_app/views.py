"""The settings page of the example app."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tests.example_app.models import Notice


@login_required
def notices(request: HttpRequest) -> HttpResponse:
    return render(request, "example_app/notices.html", {"count": Notice.objects.filter(user=request.user).count()})
