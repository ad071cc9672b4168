"""Defines the base class of admin pages that show rows and change nothing."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows that cannot be added or edited. If `is_deletable`, staff with the permission may delete them."""

    is_deletable = False
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # facets count all rows of each choice

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.is_deletable and super().has_delete_permission(request, obj)
