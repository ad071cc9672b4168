"""Tests of the view models of attachments: display size, file size, type and duration as shown on pages.

tests/js/attachment-renderer.test.js tests the JavaScript code, which shows the same values, with the same cases.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat.schemas import AttachmentSchema, format_duration
from chat.view_models.attachments import fit_box, format_size, get_type_label, summarize_files

TABLE = json.loads((Path(__file__).resolve().parent.parent / "js/shared_cases/attachments.json").read_text())


@pytest.mark.parametrize("case", TABLE["boxes"], ids=str)
def test_display_size_is_known_before_loading(case):
    file = AttachmentSchema(1, case["kind"], "a", "", 1, "", width=case["width"], height=case["height"])
    assert list(fit_box(file, case["several"])) == case["box"]


@pytest.mark.parametrize(("count", "label"), TABLE["sizes"])
def test_format_size(count, label):
    assert format_size(count) == label


@pytest.mark.parametrize(("name", "label"), TABLE["marks"])
def test_type_label(name, label):
    assert get_type_label(name) == label


@pytest.mark.parametrize(("seconds", "label"), TABLE["lengths"])
def test_format_duration(seconds, label):
    assert format_duration(seconds) == label


@pytest.mark.parametrize(("files", "icon", "text"), TABLE["summaries"], ids=str)
def test_files_in_the_conversation_list_have_an_icon_and_a_name_or_a_duration(files, icon, text):
    attachments = [AttachmentSchema(1, kind, name, "", 1, "", duration=duration) for kind, name, duration in files]
    assert summarize_files(attachments) == (icon, text)
