"""The admin page of the example app."""

from django.contrib import admin

from tests.example_app.models import Notice


@admin.register(Notice)
class NoticeAdmin(admin.ModelAdmin):
    list_display = ["__str__"]
