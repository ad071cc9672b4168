"""Fixtures of tests of scheduled messages and reminders: browsers that get push messages."""

from tests.api.conftest import api  # noqa: F401 (the fixture)
from tests.notifications.conftest import deliver, push_service, send, subscribe  # noqa: F401 (the fixtures)
