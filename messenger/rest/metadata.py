"""The response to OPTIONS requests."""

from __future__ import annotations

from rest_framework.metadata import BaseMetadata


class AllowedMethodsMetadata(BaseMetadata):
    """Lists the allowed methods only. The OpenAPI document describes the rest."""

    def determine_metadata(self, request, view) -> dict[str, list[str]]:
        return {"methods": view.allowed_methods}
