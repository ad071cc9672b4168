"""Makes `python -m messenger` and `python …/messenger/__main__.py` the same as the command `messenger`."""

import sys
from pathlib import Path

if not __package__:  # started by its path: import from the folder that contains the package, not from the package
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from messenger.command_line import main

if __name__ == "__main__":
    main()
