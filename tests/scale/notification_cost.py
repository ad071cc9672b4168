"""Measures what notifications cost the sender of a message: Python function calls and processor time.

    .venv/bin/python -m tests.scale.notification_cost --database sqlite

Stores the same batches of messages with and without the listeners of notifications, in one process, without sockets
and without worker. In `fan-out` ten members of a group write, so each has unread messages when writing again; in
`pairs` one user of each direct conversation writes. Each is measured with batches of one and of many messages. With
`--members`, the group has this many members who have a browser that gets push messages.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: E402

from chat.actions.sending import SendCommand, SentMessage, send_many  # noqa: E402
from chat.payloads import SendPayload  # noqa: E402
from messenger.live import listeners as live_listeners  # noqa: E402
from tests.scale.environment import Environment, create_data  # noqa: E402
from tests.servers import Site  # noqa: E402
from tests.services import ServiceRegistry  # noqa: E402

BODY = "The quick brown fox jumps over the lazy dog, number {}, and goes home."
_numbers = count()


@contextlib.contextmanager
def without_notifications() -> Iterator[None]:
    """Context manager that takes the listeners of notifications away, as if the app were not installed."""
    tables = (live_listeners._in_transaction, live_listeners._after_commit)
    before = [dict(table) for table in tables]
    for table in tables:
        for type, registrations in list(table.items()):
            kept = [each for each in registrations if not each.listener.__module__.startswith("notifications.")]
            table[type] = kept
            if not kept:
                del table[type]
    try:
        yield
    finally:
        for table, registrations_by_type in zip(tables, before, strict=True):
            table.clear()
            table.update(registrations_by_type)


def make_batches(environment: Environment, shape: str, size: int, batches: int) -> list[list[SendCommand]]:
    users = environment.user_ids
    if shape == "fan-out":
        writers = [(users[number], environment.group) for number in range(10)]
    else:
        writers = [(users[2 * number], pair) for number, pair in enumerate(environment.pairs)]
    chosen = (writers[number % len(writers)] for number in count())
    return [
        [
            SendCommand(user_id, SendPayload(conversation_id, uuid.uuid4(), BODY.format(next(_numbers))))
            for user_id, conversation_id in (next(chosen) for _ in range(size))
        ]
        for _ in range(batches)
    ]


def send_all(batches: list[list[SendCommand]]) -> None:
    for batch in batches:
        for outcome in send_many(batch):
            assert isinstance(outcome, SentMessage), outcome


def count_calls(batches: list[list[SendCommand]]) -> float:
    """Returns how many functions are called for each message, those written in C included."""
    calls = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        send_all(batches)
    finally:
        sys.setprofile(None)
    return calls / sum(map(len, batches))


def measure_cpu_time(batches: list[list[SendCommand]]) -> float:
    """Sends the messages. Returns the CPU time of this process for each message, in microseconds."""
    started = time.process_time()
    send_all(batches)
    return (time.process_time() - started) / sum(map(len, batches)) * 1e6


def compare(measure: Callable[[list], float], make: Callable[[], list], rounds: int) -> tuple[float, float, float]:
    """Returns the medians with and without notifications, and the median of the ratios, in turn."""
    pairs = []
    for number in range(rounds):
        taken = {}
        for is_on in (True, False) if number % 2 else (False, True):
            with contextlib.nullcontext() if is_on else without_notifications():
                taken[is_on] = measure(make())
        pairs.append((taken[True], taken[False]))
    ratio = statistics.median(with_ / without for with_, without in pairs)
    return statistics.median(each[0] for each in pairs), statistics.median(each[1] for each in pairs), ratio


def add_browsers(user_ids: list[int], push_service: str = "http://127.0.0.1:9") -> None:
    """Gives each user a browser that gets push messages. All have the same keys."""
    from accounts.models import SignIn
    from notifications.models import PushSubscription

    sign_ins = {row.user_id: row for row in SignIn.objects.filter(user__in=user_ids)}
    public_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    p256dh, auth = (base64.urlsafe_b64encode(data).rstrip(b"=").decode() for data in (point, os.urandom(16)))
    PushSubscription.objects.bulk_create(
        PushSubscription(
            user_id=pk, sign_in=sign_ins[pk], endpoint=f"{push_service}/{pk}", endpoint_hash=str(pk),
            p256dh=p256dh, auth=auth,
        )
        for pk in user_ids
    )  # fmt: skip


@contextlib.contextmanager
def open_environment(database: str, members: int, push_service: str = "http://127.0.0.1:9") -> Iterator[Environment]:
    """Context manager that yields a new site without servers, in whose group all members have a browser."""
    services = ServiceRegistry()
    try:
        with tempfile.TemporaryDirectory(prefix="messenger-scale-") as folder:
            postgres = services.get("postgres") if database == "postgres" else None
            site = Site(Path(folder), postgres, "", False, contextlib.nullcontext, {})
            try:
                with site.orm():
                    environment = create_data(site, max(200, members), members)
                    add_browsers(environment.user_ids[:members], push_service)
                    yield environment
            finally:
                site.end()
    finally:
        services.end()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.scale.notification_cost", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--database", default="sqlite", choices=["sqlite", "postgres"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--messages", type=int, default=1000, help="stored in each round")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 50], help="messages of a batch")
    parser.add_argument("--members", type=int, default=100, help="of the group, all with a browser")
    wanted = parser.parse_args()
    with open_environment(wanted.database, wanted.members) as environment:
        run(environment, wanted)


def run(environment: Environment, wanted: argparse.Namespace) -> None:
    for shape in ("fan-out", "pairs"):
        for size in wanted.sizes:
            batches = max(wanted.messages // size, 1)
            make = lambda: make_batches(environment, shape, size, batches)  # noqa: B023, E731
            send_all(make())
            with_, without, ratio = compare(count_calls, make, 1)
            print(
                f"{shape}, batches of {size}: calls {with_:.1f} and {without:.1f}, +{ratio * 100 - 100:.1f} %", end=""
            )
            with_, without, ratio = compare(measure_cpu_time, make, wanted.rounds)
            print(
                f"; {with_:.0f} and {without:.0f} µs, × {ratio:.3f}: sends lose {100 - 100 / ratio:.1f} %", flush=True
            )


if __name__ == "__main__":
    main()
