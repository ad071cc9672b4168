"""Starts the ASGI server (daphne or uvicorn) in this process. The script bin/serve runs this module.

Numeric options of the server come from the settings.
"""

from __future__ import annotations

import math
import os
import socket
import sys

try:
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    from messenger.core.file_descriptors import raise_limit
    from messenger.startup import exit_if_unprepared
except ImportError:
    sys.exit("bin/serve: the packages are not installed here. Run bin/setup first.")


BACKLOG = 2048  # connections that wait to be accepted, as with uvicorn; daphne has 50, too few after a restart


def main(arguments: list[str]) -> None:
    """Starts the ASGI server. `arguments` may contain the name of the server: `daphne` or `uvicorn`.

    If the server cannot start, exits with a one-line message.
    """
    if arguments:
        os.environ["SERVER"] = arguments[0]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
    try:
        host, port = settings.HOST, settings.PORT
    except (ImproperlyConfigured, ValueError) as error:
        sys.exit(f"bin/serve: {error}")
    run_server = {"daphne": run_daphne, "uvicorn": run_uvicorn}[settings.SERVER]
    exit_if_port_is_taken(host, port)
    raise_limit()
    django.setup()
    exit_if_unprepared()
    print(f"Messenger is at {settings.SITE_URL}/  ({settings.SERVER} on {host}:{port}; Ctrl-C ends it)", flush=True)
    run_server(host, port, settings.ASGI_APPLICATION.replace(".application", ":application"))


def exit_if_port_is_taken(host: str, port: int) -> None:
    """Exits with a one-line message if another process uses the port.

    Otherwise the ASGI server would print a traceback.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # The servers set this option too. With it, a port that was closed a moment ago counts as free.
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"bin/serve: port {port} of {host} cannot be had: {error.strerror}. Set PORT to another one.")


# The servers drop frames larger than twice FRAME_LIMIT. Our consumer closes with 1009 after a frame between the limits.
def run_daphne(host: str, port: int, application: str) -> None:
    from daphne.cli import CommandLineInterface

    # daphne accepts whole seconds only.
    interval, timeout = math.ceil(settings.HEARTBEAT_INTERVAL), math.ceil(settings.HEARTBEAT_TIMEOUT)
    max_frame_size = 2 * settings.FRAME_LIMIT
    escaped_host = host.strip("[]").replace(":", r"\:")
    CommandLineInterface().run(
        [
            *("-e", f"tcp:port={port}:interface={escaped_host}:backlog={BACKLOG}"),
            *("--verbosity", "0", "--no-server-name"),
            *("--ping-interval", str(interval), "--ping-timeout", str(timeout), "--websocket_timeout=-1"),
            *("--websocket-max-message-size", str(max_frame_size), "--websocket-max-frame-size", str(max_frame_size)),
            application,
        ]
    )


def run_uvicorn(host: str, port: int, application: str) -> None:
    from uvicorn.main import main as uvicorn_main

    # The application itself reads proxy headers, from TRUSTED_PROXIES only. Deflate would halve the throughput.
    uvicorn_main(
        [
            *("--host", host, "--port", str(port), "--workers", str(settings.WEB_CONCURRENCY)),
            *("--ws", "websockets-sansio", "--ws-max-size", str(2 * settings.FRAME_LIMIT)),
            *("--ws-per-message-deflate", "false", "--no-proxy-headers", "--no-server-header", "--no-access-log"),
            *("--ws-ping-interval", str(settings.HEARTBEAT_INTERVAL)),
            *("--ws-ping-timeout", str(settings.HEARTBEAT_TIMEOUT)),
            *("--log-level", "warning", "--lifespan", "off", "--timeout-graceful-shutdown", "5"),
            application,
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1:])
