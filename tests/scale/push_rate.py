"""Measures how many push messages a worker sends per second, and how fast it finds the recipients of a message.

    .venv/bin/python -m tests.scale.push_rate --members 1000

Each round sends one message to a group whose members all have a browser, and then executes the two tasks of the worker
in this process. The push service is a process of its own on this machine and answers at once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

from tests.scale.notification_cost import make_batches, open_environment, send_all  # first: it sets up Django

from django.test import override_settings  # isort: skip

from notifications import expansion  # isort: skip
from notifications.push import sending, vapid  # isort: skip
from tests.scale.environment import Environment  # isort: skip


class PushService(BaseHTTPRequestHandler):
    """Accepts every push message."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


class PushServer(ThreadingHTTPServer):
    request_queue_size = 128  # the worker opens many connections at once


def serve(port: Connection) -> None:
    server = PushServer(("127.0.0.1", 0), PushService)
    port.send(server.server_port)
    server.serve_forever()


def measure_round(environment: Environment, recipients: int) -> tuple[float, float]:
    """Returns how many recipients were found, and how many push messages were sent, per second."""
    with override_settings(PUSH_TO_LOOPBACK=True, DATA_DIR=environment.site.folder):
        vapid.create_key_file()
        send_all(make_batches(environment, "fan-out", 1, 1))
        started = time.perf_counter()
        expansion.expand_outbox()
        found = time.perf_counter()
        count = sending.send_due_pushes()
        ended = time.perf_counter()
    print(
        f"{recipients} recipients found in {found - started:.2f} s, {count} pushed in {ended - found:.2f} s", flush=True
    )
    return recipients / (found - started), count / (ended - found)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.scale.push_rate", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--database", default="sqlite", choices=["sqlite", "postgres"])
    parser.add_argument("--members", type=int, default=1000, help="of the group, all with a browser")
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    service = multiprocessing.get_context("spawn").Process(target=serve, args=(sender,), daemon=True)
    service.start()
    url = f"http://127.0.0.1:{receiver.recv()}"
    try:
        with open_environment(wanted.database, wanted.members, url) as environment:
            rates = [measure_round(environment, wanted.members - 1) for _ in range(wanted.rounds)]
        found_rate, push_rate = (statistics.median(each) for each in zip(*rates, strict=True))
        print(f"medians: {found_rate:.0f} recipients/s, {push_rate:.0f} push messages/s")
    finally:
        service.kill()


if __name__ == "__main__":
    main()
