"""Settings of the application from the Channels tutorial: the same settings as those of the messenger.

So the two compared applications differ only in their WebSocket consumers. The tutorial's application even gets an
advantage: its SQLite connection stays open and uses WAL mode, unlike in a new Django project.
"""

from messenger.settings import *  # noqa: F403
from messenger.settings import CHANNEL_LAYERS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.scale.tutorial"]
ASGI_APPLICATION = "tests.scale.tutorial.asgi.application"
# With the default capacity of 100, the channel layer would drop messages that the measurement expects.
CHANNEL_LAYERS["default"].setdefault("CONFIG", {})["capacity"] = 1_000_000
