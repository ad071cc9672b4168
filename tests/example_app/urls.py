"""URLs of a site with the example app: its own page, and all pages of the messenger."""

from django.urls import path

import messenger.urls
from tests.example_app import views

urlpatterns = [path("settings/notices/", views.notices, name="example_notices"), *messenger.urls.urlpatterns]
handler500 = messenger.urls.handler500
