"""Defines the response of the REST API to OPTIONS requests."""

from __future__ import annotations

from rest_framework.metadata import BaseMetadata


class AllowedMethodsMetadata(BaseMetadata):
    """Answers OPTIONS requests with the allowed methods only.

    REST framework's own class also describes the fields; here the OpenAPI document does this.
    """

    def determine_metadata(self, request, view) -> dict[str, list[str]]:
        return {"methods": view.allowed_methods}
