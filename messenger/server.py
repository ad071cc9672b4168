"""Becomes the server: what `bin/serve` runs. Options of daphne and uvicorn are here, their numbers in the settings."""

from __future__ import annotations

import math
import os
import socket
import sys

try:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
except ImportError:
    sys.exit("bin/serve: the packages are not installed here. Run bin/setup first.")


def main(arguments: list[str]) -> None:
    """`arguments` may name the server. Ends with one clear line where it cannot be started."""
    if arguments:
        os.environ["SERVER"] = arguments[0]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
    host = os.environ.get("HOST", "127.0.0.1")
    try:
        port = settings.PORT
    except (ImproperlyConfigured, ValueError) as wrong:
        sys.exit(f"bin/serve: {wrong}")
    start = {"daphne": daphne, "uvicorn": uvicorn}.get(settings.SERVER)
    if start is None:
        sys.exit(f"bin/serve: SERVER is daphne or uvicorn, not {settings.SERVER!r}.")
    refuse_a_taken_port(host, port)
    print(f"Messenger is at {settings.SITE_URL}/  ({settings.SERVER} on {host}:{port}; Ctrl-C ends it)", flush=True)
    start(host, port, settings.ASGI_APPLICATION.replace(".application", ":application"))


def refuse_a_taken_port(host: str, port: int) -> None:
    """Better one clear line now than a traceback from inside a server."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: a port just left is free
        try:
            probe.bind((host, port))
        except OSError as taken:
            sys.exit(f"bin/serve: port {port} of {host} cannot be had: {taken.strerror}. Set PORT to another one.")


# Frames over twice the protocol's limit end at the server's door; up to there ours answers, with 1009.
def daphne(host: str, port: int, application: str) -> None:
    from daphne.cli import CommandLineInterface

    # daphne counts whole seconds.
    interval, timeout = math.ceil(settings.HEARTBEAT_INTERVAL), math.ceil(settings.HEARTBEAT_TIMEOUT)
    frame = 2 * settings.FRAME_LIMIT
    CommandLineInterface().run(
        [
            *("-b", host, "-p", str(port), "--verbosity", "0", "--no-server-name"),
            *("--ping-interval", str(interval), "--ping-timeout", str(timeout), "--websocket_timeout=-1"),
            *("--websocket-max-message-size", str(frame), "--websocket-max-frame-size", str(frame)),
            application,
        ]
    )


def uvicorn(host: str, port: int, application: str) -> None:
    from uvicorn.main import main as run

    # Proxy headers are read by the application, from TRUSTED_PROXIES alone. Deflate would halve what goes out.
    run(
        [
            *("--host", host, "--port", str(port), "--workers", os.environ.get("WEB_CONCURRENCY") or "1"),
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
