"""A process that has already loaded the project, of which the fork server makes most servers and commands of tests.

Setting up Django with all apps takes a server longer than everything else that it does in most tests. The project reads
settings when it needs them, so what it has loaded fits another database, port or data folder too: each copy loads the
settings again, from its own environment variables, and tells Django and the packages which of them have changed, as
`override_settings` does. Processes whose environment differs in other variables are not made of this process.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import types

# These variables are read by nothing that is computed while modules are imported, or not by the project at all.
OWN_VARIABLES = {
    *("DATA_DIR", "DATABASE_URL", "EMAIL_URL", "LIMITS", "PORT", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER"),
    *("REDIS_URL", "SERVER", "SITE_URL", "SWEEP_SECONDS"),
}
# Everything that messenger/asgi.py imports, except what depends on SERVER.
MODULES = """
    accounts.address_bans accounts.authentication accounts.middleware chat.attachments.tus.receiver django.test.signals
    messenger.asgi_handler messenger.assets.middleware messenger.background.sidecar messenger.checks
    messenger.context_processors messenger.live.handshake messenger.middleware messenger.monitoring.endpoints
    messenger.request_size_limit messenger.routing messenger.startup messenger.urls presence.middleware
""".split()  # noqa: SIM905


def fits(environment: dict[str, str], ordinary: dict[str, str]) -> bool:
    """Returns whether a process with these environment variables may be made of the prepared process.

    `ordinary` are the variables that the prepared process was made with. SITE_URL decides about HTTPS, which changes
    many settings.
    """
    differing = {name for name, _value in environment.items() ^ ordinary.items()}
    return differing <= OWN_VARIABLES and environment.get("SITE_URL", "http:").startswith("http:")


def get_key(ordinary: dict[str, str]) -> str:
    """Returns what distinguishes prepared processes: the variables that a copy of one does not replace."""
    return json.dumps(sorted(item for item in ordinary.items() if item[0] not in OWN_VARIABLES))


def prepare() -> None:
    """Sets up Django with the environment variables of this process, and imports what a server needs."""
    import os

    os.environ["DJANGO_SETTINGS_MODULE"] = "messenger.settings"
    # The app `daphne` imports this module, which opens file descriptors. Each copy imports the real one.
    sys.modules["daphne.server"] = types.ModuleType("daphne.server")
    import django

    django.setup()
    del sys.modules["daphne.server"]
    for name in MODULES:
        importlib.import_module(name)
    from django.urls import reverse

    reverse("profile")  # collects the URLs of all apps
    _compile_templates()


def _compile_templates() -> None:
    """Compiles all templates of the project. Otherwise each copy would compile those of the pages that it renders."""
    from pathlib import Path

    from django.conf import settings
    from django.template import TemplateSyntaxError
    from django.template.loader import get_template

    for folder in map(Path, settings.TEMPLATES[0]["DIRS"]):
        for path in folder.rglob("*.html"):
            with contextlib.suppress(TemplateSyntaxError):  # the page that uses this template will report the error
                get_template(str(path.relative_to(folder)))


def load_settings_again() -> None:
    """Loads the settings from the environment variables that this process has now. Called in each copy."""
    from asgiref.local import Local
    from django.conf import Settings, settings
    from django.core.signals import setting_changed
    from django.db import connections

    before = vars(settings._wrapped)
    importlib.reload(sys.modules["messenger.settings"])
    settings._wrapped = Settings("messenger.settings")
    connections.settings = connections.configure_settings(settings.DATABASES)
    connections._connections = Local(connections.thread_critical)
    changed = [name for name, value in vars(settings._wrapped).items() if name.isupper() and value != before.get(name)]
    for name in changed:
        if name != "DATABASES":  # done above
            setting_changed.send(sender=None, setting=name, value=getattr(settings, name), enter=True)
    importlib.import_module("daphne.server")
