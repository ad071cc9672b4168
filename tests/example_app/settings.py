"""Django settings of a server with the example app."""

from messenger.settings import *  # noqa: F403
from messenger.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.example_app"]
ROOT_URLCONF = "tests.example_app.urls"
