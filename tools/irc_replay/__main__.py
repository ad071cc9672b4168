"""The command `python -m tools.irc_replay FILE…`. It sends recorded IRC messages to a messenger server again.

Each file contains one day of an IRC channel. Exit status: 0 if the messages on the server are equal to those sent, 1 if
they differ or the command had to stop early, 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.irc_replay import log_parser
from tools.irc_replay.http_client import RejectedError, TemporaryError
from tools.irc_replay.runner import ENTRY_POINTS, Replay

DESCRIPTION = (
    "Replay days of a recorded IRC channel through the public entry points of a running server: a user per nick, a"
    " group per file, each message once and in its order, while another client observes. Exits with 1 if anything"
    " differs."
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.irc_replay", description=DESCRIPTION)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="lines like: [12:34] <nick> text")
    parser.add_argument("--url", default="http://localhost:8000", help="address of the server (default: %(default)s)")
    parser.add_argument(
        "--speed", type=float, default=60, help="60: an hour in a minute; 0: as fast as possible (default: %(default)s)"
    )
    parser.add_argument(
        "--entry-points",
        "--doors",
        type=_parse_entry_points,
        default=ENTRY_POINTS,
        metavar="LIST",
        help=f"each sender uses these in turn (default: {','.join(ENTRY_POINTS)})",
    )
    parser.add_argument("--password", default="let-me-talk", help="password of all users that are signed up")
    parser.add_argument(
        "--watcher", default="watcher", help="user name of the observer, who owns the groups (default: %(default)s)"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=60,
        help="seconds to retry one message before giving up (default: %(default)s)",
    )
    return parser


def _parse_entry_points(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or not set(names) <= set(ENTRY_POINTS):
        raise argparse.ArgumentTypeError(f"a list of these: {', '.join(ENTRY_POINTS)}")
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program with these command-line arguments and returns its exit status."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        days = [log_parser.read_log(file) for file in options.files]
    except OSError as error:
        parser.error(str(error))
    replay = Replay(
        options.url,
        days,
        speed=options.speed,
        entry_points=options.entry_points,
        password=options.password,
        observer_name=options.watcher,
        retry_seconds=options.patience,
        report_progress=print,
    )
    try:
        report = asyncio.run(replay.run())
    except (TemporaryError, RejectedError) as error:
        print(f"Given up: {error}", file=sys.stderr)
        return 1
    print(report.format())
    if not report.is_successful:
        print("What was stored or shown differs from what was sent.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
