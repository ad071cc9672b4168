"""Tests that secret tokens in URL paths are removed from log messages."""

from __future__ import annotations

import logging

import pytest

from messenger.log_filters import TokenFilter


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/api/v1/invites/geheim-Token_1/", "/api/v1/invites/…/"),
        ("/i/geheim-Token_1/picture/", "/i/…/picture/"),
        ("/join/geheim:1abc:sig/?next=/", "/join/…/?next=/"),
        ("/accounts/confirm-email/MQ:1x:y/", "/accounts/confirm-email/…/"),
        ("/accounts/password/reset/key/1-abc-def/", "/accounts/password/reset/key/…/"),
        ("/c/1/", "/c/1/"),
    ],
)
def test_tokens_in_paths_are_masked(path, logged):
    for message, arguments in (("Service Unavailable: %s", (path,)), (f"Forbidden: {path}", ())):
        record = logging.LogRecord("django.request", logging.WARNING, "", 0, message, arguments, None)
        assert TokenFilter().filter(record)
        assert record.getMessage().endswith(f": {logged}")


def test_the_handler_of_all_loggers_masks_tokens():
    from messenger import settings  # the test settings have no log handlers

    for handler in settings.LOGGING["handlers"].values():
        assert "tokens" in handler["filters"]
