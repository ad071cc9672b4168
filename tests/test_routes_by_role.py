"""Tests the response status of every route for every role. The table is in routes/table.py.

A route that is not in the table fails the tests. API routes are requested with a token, pages with a session.

Two roles have no column in the table. A removed member gets the same responses as a stranger. A suspended user gets the
same responses as a visitor who is not signed in; API routes reject the token with 401. Where a stranger gets 404, the
response must equal the response for an id that never existed, so that it does not show that the object exists.
"""

from __future__ import annotations

import re

import pytest
from django.urls import URLPattern, get_resolver

from chat.models import Conversation
from messenger.core import batch_writer
from tests.databases import rolled_back
from tests.routes.environment import Environment
from tests.routes.table import ROWS, TableRow

IGNORES_TOKENS = ("api/schema/", "api/docs/", "api/v1/auth/", "^api/")  # and the API root
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def list_routes() -> set[str]:
    """Returns the URL patterns of all routes of the site, with parameters like `<user_id>`."""
    routes: set[str] = set()

    def walk(resolver, before: str) -> None:
        for pattern in resolver.url_patterns:
            route = before + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                routes.add(_normalize_route(route))
            else:
                walk(pattern, route)

    walk(get_resolver(), "")
    return routes


def _normalize_route(route: str) -> str:
    """Returns a URL pattern with each parameter in the form `<user_id>`, as the table writes it.

    Django writes parameters as `<id:user_id>` or as named groups of regular expressions.
    """
    if route.startswith("admin/"):
        return "admin/**"
    return re.sub(r"<\w+:|\(\?P(?=<)", "<", re.sub(r"\(\?P(<\w+>)(?:[^()])*\)", r"\1", route))


def test_every_route_is_in_the_table():
    routes, table_routes = list_routes(), {row.route for row in ROWS}
    assert not routes - table_routes, "Add these routes to the table: who may call them?"
    assert not table_routes - routes, "Remove these routes from the table: they do not exist."


@pytest.fixture(scope="module")
def shared_environment(django_db_setup, django_db_blocker):
    """Creates the users and conversations once for all rows, and makes BatchWriter store messages in the same thread.

    BatchWriter normally uses a thread of its own. In the thread of the test, all changes are in one transaction, which
    can be rolled back.
    """

    def store(batcher, command, timeout=0):
        return batch_writer._result_or_raise(batcher._store([command])[0])

    with pytest.MonkeyPatch.context() as monkeypatch, django_db_blocker.unblock(), rolled_back():
        monkeypatch.setattr(batch_writer.BatchWriter, "call", store)
        yield Environment()


@pytest.fixture
def environment(shared_environment, django_db_blocker):
    """Returns the environment. What a test changes in the database is rolled back."""
    with django_db_blocker.unblock(), rolled_back():
        yield shared_environment


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_role_gets_the_status_of_the_table(environment, row):
    expected = {**row.cells, "removed": row.cells["stranger"], "suspended": row.cells["nobody"]}
    if row.route.startswith("api/") and row.route != "api/v1/" and not row.route.startswith(IGNORES_TOKENS):
        expected["suspended"] = "401"
    actual = {}
    for role, cell in expected.items():
        if cell == "-":
            actual[role] = "-"
            continue
        with rolled_back():
            response = environment.request(row, role)
        actual[role] = _format_cell(response)
        if cell == "404" and role in ("stranger", "removed"):
            _assert_same_as_unknown_id(environment, row, role, response)
    assert actual == expected


def test_methods_that_are_not_in_the_table_are_rejected(environment):
    """Requests each route with the HTTP methods that the table does not contain; the requests must be rejected.

    They are sent as the owner of the group, who has the most rights. Pages of allauth are left out, since some of them
    respond before they check the method.
    """
    allowed = []
    for route in sorted({row.route for row in ROWS if not row.route.startswith(("accounts/", "admin/"))}):
        methods = {row.method for row in ROWS if row.route == route}
        for method in () if "*" in methods else sorted(METHODS - methods):
            with rolled_back():
                response = environment.request(TableRow(method, route, {}), "owner")
            if response.status_code not in (401, 403, 405):
                allowed.append(f"{method} {route}: {response.status_code}")
    assert not allowed, "Who may call these?"


def _format_cell(response) -> str:
    if response.status_code == 302 and re.match(r"(/accounts|/admin)/login/", response.headers["Location"]):
        return "in"
    return str(response.status_code)


def _assert_same_as_unknown_id(environment: Environment, row: TableRow, role: str, response) -> None:
    """Asserts that the response to a refused request does not show whether the requested object exists.

    For each id in the path, the response must equal the response to the same request with an id that never existed.
    """
    for name in re.findall(r"<(\w+_id)>", row.route):
        with rolled_back():
            unknown_response = environment.request(row, role, unknown=name)
        assert unknown_response.status_code == response.status_code == 404
        assert _comparable_body(unknown_response) == _comparable_body(response), (
            f"{row} shows {role} that {name} exists"
        )
        assert set(unknown_response.headers) == set(response.headers)


def _comparable_body(response) -> str:
    """Returns the body of a response without the path, CSRF tokens and nonces, which differ in each response."""
    text = response.content.decode().replace(f'"{response.wsgi_request.path}"', '"path"')
    return re.sub(r'(csrfmiddlewaretoken" value|nonce|content)="[^"]*"', r"\1", text)


def test_the_roles_of_the_environment(environment):
    group = Conversation.objects.get(pk=environment.ids["group"])
    roles = dict(group.memberships.filter(left_at=None).values_list("user__username", "role"))
    assert roles == {"olga": "owner", "adam": "admin", "mia": "member", "wolf": "member", "sue": "member"}
