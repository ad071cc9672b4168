"""The product's own settings and database, so that only the consumers differ.

That is kinder to the tutorial than a fresh project: its SQLite connection stays open, in WAL mode.
"""

from messenger.settings import *  # noqa: F403
from messenger.settings import CHANNEL_LAYERS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.scale.tutorial"]
ASGI_APPLICATION = "tests.scale.tutorial.asgi.application"
# The usual 100 would drop what a measurement must find again.
CHANNEL_LAYERS["default"].setdefault("CONFIG", {})["capacity"] = 1_000_000
