"""The performance measurements of a chat server.

Each is a coroutine that returns numbers by name: rates per second, times in milliseconds.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import msgspec

from tests.scale.clients import Asker, Crowd
from tests.scale.contenders import Side
from tests.scale.environment import GROUP_SIZE, TEAM_SIZE, Stage
from tests.scale.sockets import Socket, open_all

Numbers = dict[str, float]


def at_share(values: list[float], share: float) -> float:
    """Returns a percentile of a list of times: with `share=0.9`, 90 % of the times are shorter than the result.

    The `values` are in seconds, the result is in milliseconds.
    """
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] * 1000


async def fan_out(side: Side, stage: Stage, seconds: float, senders: int = 10, window: int = 5) -> Numbers:
    """Measures how many messages per second a server delivers in a group of 100 users, who all receive each message.

    Ten of the users send messages. Each of them has five messages on the way to the server: when the server has
    answered one, the user sends the next.
    """
    crowd = Crowd(side, stage)
    await crowd.open((person, stage.group) for person in range(GROUP_SIZE))
    crowd.flood(crowd.sockets[:senders], window, seconds)
    await crowd.drain(readers=GROUP_SIZE)
    crowd.close()
    await asyncio.to_thread(crowd.check_stored)
    return {
        "deliveries/s": crowd.deliveries / crowd.seconds,
        "sends/s": crowd.sent / crowd.seconds,
        "ack p99, ms": at_share(crowd.waits, 0.99),
        "server µs each": crowd.busy / crowd.deliveries * 1e6,
    }


async def pairs(side: Side, stage: Stage, seconds: float, count: int) -> Numbers:
    """Measures many direct conversations at the same time.

    In each conversation one user sends messages and waits for each answer of the server, and the other one reads.
    """
    crowd = Crowd(side, stage)
    await crowd.open((2 * number + half, stage.pairs[number]) for number in range(count) for half in (0, 1))
    crowd.flood(crowd.sockets[::2], 1, seconds)
    await crowd.drain(readers=2)
    crowd.close()
    await asyncio.to_thread(crowd.check_stored)
    return {
        "sends/s": crowd.sent / crowd.seconds,
        "ack p99, ms": at_share(crowd.waits, 0.99),
        "server µs each": crowd.busy / crowd.sent * 1e6,
    }


async def alone(side: Side, stage: Stage, sends: int) -> Numbers:
    """Measures how long an answer takes on a server without load: one direct conversation, one message at a time."""
    crowd = Crowd(side, stage)
    await crowd.open([(0, stage.pairs[0]), (1, stage.pairs[0])])
    for number in range(1, sends + 1):
        crowd.send(crowd.sockets[0])
        while len(crowd.waits) < number:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.004)
    await crowd.drain(readers=2)
    crowd.close()
    return {"ack median, ms": at_share(crowd.waits, 0.5), "ack p99, ms": at_share(crowd.waits, 0.99)}


async def usual(side: Side, stage: Stage, seconds: float, per_second: float = 50.0) -> Numbers:
    """Measures usual load: groups of 20 online users, who send 50 messages per second in total.

    Each message is delivered to 20 users, so there are 1,000 deliveries per second.
    """
    crowd = Crowd(side, stage)
    crowd.timed = True
    seats = [(team * TEAM_SIZE + seat, room) for team, room in enumerate(stage.teams) for seat in range(TEAM_SIZE)]
    await crowd.open(seats)
    busy, started = side.server.busy(), time.perf_counter()
    for number in range(int(seconds * per_second)):
        await asyncio.sleep(started + number / per_second - time.perf_counter())
        crowd.send(crowd.sockets[number * 7 % len(crowd.sockets)])
    await crowd.drain(readers=TEAM_SIZE)
    share = (side.server.busy() - busy) / (time.perf_counter() - started)
    crowd.close()
    return {
        "ack p99, ms": at_share(crowd.waits, 0.99),
        "delivery p99, ms": at_share(crowd.journeys, 0.99),
        "server busy, %": share * 100,
    }


async def burst(side: Side, stage: Stage, sends: int = 300) -> Numbers:
    """Measures how long it takes until 300 messages, sent at once, have reached all 100 users of a group."""
    crowd = Crowd(side, stage)
    await crowd.open((person, stage.group) for person in range(GROUP_SIZE))
    for number in range(sends):
        crowd.send(crowd.sockets[number % 10])
    await crowd.drain(readers=GROUP_SIZE)
    crowd.close()
    return {"all there, ms": crowd.seconds * 1000}


async def idle(side: Side, stage: Stage, count: int, seconds: float) -> Numbers:
    """Measures memory and processor load of a server with `count` open connections that send only heartbeats.

    The server must be newly started. After another measurement the server would use its freed memory again, and the new
    connections would seem to need no memory.
    """
    rooms = [room for room in stage.pairs for _ in (0, 1)]
    doors = [(side.path(room), cookie) for room, cookie in zip(rooms, stage.cookies, strict=False)]
    warm = await open_all(side.server.port, doors[-20:], _nothing)
    await asyncio.sleep(1)
    before, started = side.server.memory(), time.perf_counter()
    sockets = await open_all(side.server.port, doors[:count], _nothing)
    connects = count / (time.perf_counter() - started)
    await asyncio.sleep(2)
    after, busy, started = side.server.memory(), side.server.busy(), time.perf_counter()
    end = started + seconds
    while time.perf_counter() < end:  # each socket pings every five seconds, at different times
        for at in range(50):
            if side.ping:
                for socket in sockets[at::50]:
                    socket.send(side.ping)
            await asyncio.sleep(0.1)
    share = (side.server.busy() - busy) / (time.perf_counter() - started)
    for socket in [*warm, *sockets]:
        assert not socket.closed, socket.ended
        socket.close()
    await asyncio.sleep(1)
    return {"KiB each": (after - before) / count / 1024, "connects/s": connects, "server busy, %": share * 100}


def _nothing(socket: Socket, frame: bytes) -> None:
    pass


async def catch_up(stage: Stage, missed: int, times: int) -> Numbers:
    """Measures how long a device that was offline takes to load the messages of a group that it has missed.

    `missed` is the number of these messages. Raises AssertionError if a message is missing or out of order.
    """
    asker = Asker()
    await asker.open(stage, 1)
    newest = asker.welcome["versions"][str(stage.group)]
    first_answers, waits = [], []
    for _ in range(times):
        started, known, received_versions, first = time.perf_counter(), newest - missed, [], 0.0
        complete = False
        while not complete:
            cursors = {**asker.welcome["versions"], str(stage.group): known}
            answer = await asker.ask("sync", {"cursors": cursors, "me": 10**9, "open": stage.group})
            first = first or time.perf_counter() - started
            payload = msgspec.json.decode(answer)["payload"]
            complete = payload["complete"]
            [changes] = payload["conversations"]
            received_versions += [message["version"] for message in changes["messages"]]
            known = changes["version"]
        waits.append(time.perf_counter() - started)
        first_answers.append(first)
        assert received_versions == list(range(newest - missed + 1, newest + 1)), "Catching up left something out"
    asker.socket.close()
    return {"first": statistics.median(first_answers) * 1000, "all": statistics.median(waits) * 1000}
