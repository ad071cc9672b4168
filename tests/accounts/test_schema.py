"""Tests that the part of the OpenAPI document about accounts matches the code."""

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from accounts.schemas import ProfileSchema, SignInSchema


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def test_the_schema_is_generated_without_warnings(capsys, schema):
    validate_schema(schema)
    assert "accounts" not in capsys.readouterr().err


@pytest.mark.parametrize(("component", "struct"), [("Profile", ProfileSchema), ("SignIn", SignInSchema)])
def test_components_match_the_sent_schemas(schema, component, struct):
    assert set(schema["components"]["schemas"][component]["properties"]) == set(struct.__struct_fields__)


def test_public_operations_require_no_credentials(schema):
    for path in ("signup/", "token/", "token/refresh/", "token/revoke/"):
        assert schema["paths"][f"/api/v1/auth/{path}"]["post"].get("security") == []
    assert schema["paths"]["/api/v1/me/"]["get"]["security"]
