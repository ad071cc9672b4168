#!/usr/bin/env python
"""Django's command line, for this project. See messenger/command_line.py."""

from messenger.command_line import main

if __name__ == "__main__":
    main()
