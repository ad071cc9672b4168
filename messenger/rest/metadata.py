"""Defines the response of the REST API to OPTIONS requests."""

from __future__ import annotations

from rest_framework.metadata import BaseMetadata


class AllowedMethodsMetadata(BaseMetadata):
    """Answers OPTIONS requests with the allowed methods only. The OpenAPI document describes everything else."""

    def determine_metadata(self, request, view) -> dict[str, list[str]]:
        return {"methods": view.allowed_methods}
