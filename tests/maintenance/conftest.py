"""Fixtures for tests of backup, restore, import and diagnosis."""

from tests.attachments.conftest import upload_clients  # noqa: F401 (the fixture)
