#!/usr/bin/env python
"""Django's command line, for this project."""

import os
import re
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
    set_port_of_runserver(sys.argv)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


def set_port_of_runserver(arguments: list[str]) -> None:
    """Sets the variable PORT to the port of `runserver 8001` or `runserver localhost:8001`.

    The settings derive SITE_URL from it: the origin of pages that may open sockets, and the address in links.
    """
    if len(arguments) > 1 and arguments[1] == "runserver":
        for argument in arguments[2:]:
            if port := re.fullmatch(r"(?:[^-].*:)?(\d{2,5})", argument):
                os.environ["PORT"] = port[1]


if __name__ == "__main__":
    main()
