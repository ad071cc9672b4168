"""Settings of the messenger with an app that switches off the indexing of new messages."""

from messenger.settings import *  # noqa: F403
from messenger.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.scale.without_search"]
