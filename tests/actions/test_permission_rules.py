"""Tests of the table of rules that pages hand to scripts: who may do what in a conversation (chat/permissions.py).

tests/js/permissions.test.js evaluates the same rules with the same cases (tests/js/shared_cases/permissions.json).
tests/actions/test_permissions.py tests that the actions obey the rules.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat import permissions
from chat.message_kinds import KINDS
from chat.models import Message

SHARED = json.loads((Path(__file__).parents[1] / "js/shared_cases/permissions.json").read_text())


@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: f"{case['action']} {' '.join(case['facts'])}")
def test_a_rule_allows_an_action_with_certain_facts(case):
    assert permissions.is_allowed(case["action"], set(case["facts"])) == case["allowed"]


def test_the_cases_that_scripts_are_tested_with_have_the_rules_of_the_server():
    assert SHARED["rules"] == permissions.client_rules()


def test_each_fact_of_a_rule_is_known():
    known = {"direct", "group", "owner", "admin", "member", "writable", "alone", *permissions.SETTINGS}
    known |= {"self", "target_owner", "target_admin", "target_member", "own", "forwarded", "deleted"}
    named = {
        fact.lstrip("!")
        for conditions in permissions.RULES.values()
        for condition in conditions
        for fact in condition.facts.split("|")
    }
    assert named <= known


def test_each_kind_of_message_is_in_the_table_and_allows_only_actions_that_have_a_rule():
    assert set(KINDS) == {*Message.Kind.values, "call", "missed"}
    for kind in KINDS.values():
        assert kind.actions <= {*permissions.RULES, "hide"}  # only moderators hide
