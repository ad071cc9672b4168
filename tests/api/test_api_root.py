"""Tests of the root of the REST API, which lists the entry points, and of the browsable API."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from rest_framework.renderers import JSONRenderer
from rest_framework.test import APIRequestFactory

from messenger.rest.api_root import ApiRootViewSet
from messenger.rest.renderers import BrowsableAPIRenderer

pytestmark = pytest.mark.django_db


def test_the_root_lists_the_entry_points_with_their_urls(api):
    root = api().get("").json()
    assert root["version"] == "1"
    assert root["socket"] == "ws://testserver/ws/v1/"
    assert root["schema"] == "http://testserver" + reverse("api_schema")
    assert {"auth/token", "conversations", "me", "presence", "sync", "uploads"} <= set(root["endpoints"])
    assert root["endpoints"]["auth/token"] == "http://testserver/api/v1/auth/token/"


def test_each_entry_point_of_the_root_exists(api, alice):
    root = api().get("").json()
    for url in (root["schema"], root["docs"]):
        assert Client().get(url).status_code == 200
    for url in root["endpoints"].values():
        assert Client().options(url).status_code != 404, url


def test_the_root_can_be_read_with_a_token_that_has_expired():
    assert Client(headers={"Authorization": "Bearer expired"}).get("/api/v1/").status_code == 200


def test_browsers_get_json_in_production(client, alice):
    assert settings.REST_FRAMEWORK["DEFAULT_RENDERER_CLASSES"] == ["rest_framework.renderers.JSONRenderer"]
    client.force_login(alice)
    for options in ({"headers": {"Accept": "text/html,*/*;q=0.8"}}, {"query_params": {"format": "api"}}):
        response = client.get("/api/v1/me/", **options)
        assert response.headers["Content-Type"] == "application/json"
        assert json.loads(response.content)["username"] == "alice"


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
def test_programs_get_json_also_from_a_server_with_the_browsable_api(accept):
    assert _render_root(accept).headers["Content-Type"] == "application/json"


def test_the_browsable_api_has_a_policy_that_allows_its_own_scripts_only():
    response = _render_root("text/html,application/xhtml+xml,*/*;q=0.8")
    assert response.headers["Content-Type"].startswith("text/html")
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "default-src 'none'" in policy and "http" not in policy
    assert "http://testserver/api/v1/conversations/" in response.content.decode()


def _render_root(accept: str):
    """Returns the response of the API root with the renderers of a server whose DEBUG is on."""
    view = ApiRootViewSet.as_view({"get": "retrieve"}, renderer_classes=[JSONRenderer, BrowsableAPIRenderer])
    return view(APIRequestFactory().get("/api/v1/", headers={"Accept": accept} if accept else {})).render()
