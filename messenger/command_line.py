"""The command `messenger` of an installed package. In a clone, `manage.py` is the same command.

`messenger serve` starts the server; every other command is a management command of Django.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

USAGE = """\
Usage: messenger COMMAND [options]

Install and upgrade
  migrate          create or upgrade the tables of the database
  collectstatic    copy static files into DATA_DIR; with --no-input it does not ask
  createsuperuser  create an administrator
  doctor           check the site and its services, and say what to do

Run
  serve            start the server; with WORKER=on, the default, also a worker
  worker           start a worker for background tasks
  remove_second_factors
                   let somebody sign in who has lost phone and recovery codes
  invite           print a link with which people can sign up while SIGNUP is "invite"

Data
  backup           write database and files into one archive
  restore          read such an archive into an empty site
  import_sqlite    copy all data of a SQLite site into PostgreSQL
  rebuild_search   index all messages again for search

`messenger help` lists all commands, `messenger COMMAND --help` explains one. The site is configured with environment
variables: SECRET_KEY and SITE_URL first. docs/running.md explains all of them.
"""


def main(arguments: list[str] | None = None) -> None:
    """Executes a command. `arguments` are those of the process by default, without the name of the program."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(USAGE, end="")
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
    if arguments[0] == "serve":
        from messenger import server

        return server.main(arguments[1:])
    set_port_of_runserver(arguments)
    exit_if_settings_are_invalid()
    from django.core.management import execute_from_command_line

    program = Path(sys.argv[0]).name
    execute_from_command_line(["messenger" if program == "__main__.py" else program, *arguments])


def set_port_of_runserver(arguments: list[str]) -> None:
    """Sets the variable PORT to the port of `runserver 8001` or `runserver localhost:8001`.

    The settings derive SITE_URL from it: the origin of pages that may open sockets, and the address in links.
    """
    if arguments[:1] == ["runserver"]:
        for argument in arguments[1:]:
            if port := re.fullmatch(r"(?:[^-].*:)?(\d{2,5})", argument):
                os.environ["PORT"] = port[1]


def exit_if_settings_are_invalid() -> None:
    """Exits with a one-line message if the settings cannot be loaded. Otherwise Django would print a traceback."""
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        _ = settings.INSTALLED_APPS
    except (ImproperlyConfigured, ValueError) as error:
        sys.exit(f"messenger: {error}")
