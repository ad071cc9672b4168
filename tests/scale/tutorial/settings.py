"""Settings of the tutorial's application: those of the messenger, so that only the WebSocket consumers differ.

This helps the tutorial's application: its SQLite connection stays open and uses WAL mode, unlike in a new project.
"""

from messenger.settings import *  # noqa: F403
from messenger.settings import CHANNEL_LAYERS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.scale.tutorial"]
ASGI_APPLICATION = "tests.scale.tutorial.asgi.application"
# With the default capacity of 100, the channel layer would drop messages that the measurement expects.
CHANNEL_LAYERS["default"].setdefault("CONFIG", {})["capacity"] = 1_000_000
