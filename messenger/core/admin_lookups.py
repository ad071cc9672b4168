"""Defines a mixin for Django admin classes. It rejects filters in the URL that the list page does not show.

Django's admin allows look-ups on any field of the model. With such a look-up, a moderator could find out a secret
column step by step (`?digest__gte=…`), or slow down a SQLite site with a costly regular expression (`?body__regex=…`).
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

# Look-ups in the links of Django's filters: choices and booleans, dates, relations, empty values, date hierarchy.
_FIELD_LOOKUPS = ("exact", "isnull", "gte", "lt", "id__exact", "pk__exact", "isempty")
_DATE_LOOKUPS = ("year", "month", "day", "gte", "lt")


class FilterLookupsOnlyMixin(admin.ModelAdmin):
    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:  # type: ignore[override]
        return lookup in self._filter_parameters(request)

    def _filter_parameters(self, request: HttpRequest) -> set[str]:
        """Returns the names of the query parameters that the filters of this list page use."""
        names = {f"{self.date_hierarchy}__{lookup}" for lookup in _DATE_LOOKUPS} if self.date_hierarchy else set()
        for item in self.get_list_filter(request):
            if isinstance(item, type) and issubclass(item, admin.SimpleListFilter):
                names.add(str(item.parameter_name))
            else:
                field = item[0] if isinstance(item, tuple | list) else item
                names |= {f"{field}__{lookup}" for lookup in _FIELD_LOOKUPS}
        return names
