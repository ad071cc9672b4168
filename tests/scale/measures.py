"""The performance measurements of a chat server.

Each is a coroutine that returns numbers by name: rates per second, times in milliseconds.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import msgspec

from tests.scale.clients import ClientPool, RequestClient
from tests.scale.contenders import Contender
from tests.scale.environment import GROUP_SIZE, TEAM_SIZE, Environment
from tests.scale.sockets import Socket, open_all

Numbers = dict[str, float]


def percentile_ms(seconds: list[float], share: float) -> float:
    """Returns a percentile of a list of times: with `share=0.9`, 90 % of the times are shorter than the result.

    `seconds` are the times in seconds, the result is in milliseconds.
    """
    return sorted(seconds)[min(int(len(seconds) * share), len(seconds) - 1)] * 1000


async def fan_out(
    contender: Contender, environment: Environment, seconds: float, senders: int = 10, window: int = 5
) -> Numbers:
    """Measures how many messages per second a server delivers in a group of 100 users, who all receive each message.

    Ten of the users send messages. Each of them has five messages on the way to the server: when the server has
    answered one, the user sends the next.
    """
    clients = ClientPool(contender, environment)
    await clients.open((user, environment.group) for user in range(GROUP_SIZE))
    clients.start_sending(clients.sockets[:senders], window, seconds)
    await clients.wait_for_deliveries(readers=GROUP_SIZE)
    clients.close()
    await asyncio.to_thread(clients.check_stored)
    return {
        "deliveries/s": clients.deliveries / clients.seconds,
        "sends/s": clients.sent / clients.seconds,
        "ack p99, ms": percentile_ms(clients.ack_times, 0.99),
        "server µs each": clients.cpu_seconds / clients.deliveries * 1e6,
    }


async def pairs(contender: Contender, environment: Environment, seconds: float, count: int) -> Numbers:
    """Measures many direct conversations at the same time.

    In each conversation one user sends messages and waits for each answer of the server, and the other one reads.
    """
    clients = ClientPool(contender, environment)
    conversations = enumerate(environment.pairs[:count])
    await clients.open(
        (user, conversation_id) for index, conversation_id in conversations for user in (2 * index, 2 * index + 1)
    )
    clients.start_sending(clients.sockets[::2], 1, seconds)
    await clients.wait_for_deliveries(readers=2)
    clients.close()
    await asyncio.to_thread(clients.check_stored)
    return {
        "sends/s": clients.sent / clients.seconds,
        "ack p99, ms": percentile_ms(clients.ack_times, 0.99),
        "server µs each": clients.cpu_seconds / clients.sent * 1e6,
    }


async def alone(contender: Contender, environment: Environment, sends: int) -> Numbers:
    """Measures how long an answer takes on a server without load: one direct conversation, one message at a time."""
    clients = ClientPool(contender, environment)
    await clients.open([(0, environment.pairs[0]), (1, environment.pairs[0])])
    for number in range(1, sends + 1):
        clients.send(clients.sockets[0])
        while len(clients.ack_times) < number:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.004)
    await clients.wait_for_deliveries(readers=2)
    clients.close()
    return {
        "ack median, ms": percentile_ms(clients.ack_times, 0.5),
        "ack p99, ms": percentile_ms(clients.ack_times, 0.99),
    }


async def usual(contender: Contender, environment: Environment, seconds: float, per_second: float = 50.0) -> Numbers:
    """Measures usual load: groups of 20 online users, who send 50 messages per second in total.

    Each message is delivered to 20 users, so there are 1,000 deliveries per second.
    """
    clients = ClientPool(contender, environment)
    clients.records_delivery_times = True
    await clients.open(
        (team * TEAM_SIZE + member, conversation_id)
        for team, conversation_id in enumerate(environment.teams)
        for member in range(TEAM_SIZE)
    )
    cpu_seconds, started = contender.server.cpu_seconds(), time.perf_counter()
    for number in range(int(seconds * per_second)):
        await asyncio.sleep(started + number / per_second - time.perf_counter())
        clients.send(clients.sockets[number * 7 % len(clients.sockets)])
    await clients.wait_for_deliveries(readers=TEAM_SIZE)
    share = (contender.server.cpu_seconds() - cpu_seconds) / (time.perf_counter() - started)
    clients.close()
    return {
        "ack p99, ms": percentile_ms(clients.ack_times, 0.99),
        "delivery p99, ms": percentile_ms(clients.delivery_times, 0.99),
        "server busy, %": share * 100,
    }


async def burst(contender: Contender, environment: Environment, sends: int = 300) -> Numbers:
    """Measures how long it takes until 300 messages, sent at once, have reached all 100 users of a group."""
    clients = ClientPool(contender, environment)
    await clients.open((user, environment.group) for user in range(GROUP_SIZE))
    for number in range(sends):
        clients.send(clients.sockets[number % 10])
    await clients.wait_for_deliveries(readers=GROUP_SIZE)
    clients.close()
    return {"all there, ms": clients.seconds * 1000}


async def idle(contender: Contender, environment: Environment, count: int, seconds: float) -> Numbers:
    """Measures memory and processor load of a server with `count` open connections that send only heartbeats.

    The server must be newly started. After another measurement the server would use its freed memory again, and the new
    connections would seem to need no memory.
    """
    conversation_ids = [conversation_id for conversation_id in environment.pairs for _ in (0, 1)]
    urls_and_cookies = [
        (contender.path(conversation_id), cookie)
        for conversation_id, cookie in zip(conversation_ids, environment.cookies, strict=False)
    ]
    first_sockets = await open_all(contender.server.port, urls_and_cookies[-20:], _ignore_frame)
    await asyncio.sleep(1)
    memory_before, started = contender.server.memory_bytes(), time.perf_counter()
    sockets = await open_all(contender.server.port, urls_and_cookies[:count], _ignore_frame)
    connects = count / (time.perf_counter() - started)
    await asyncio.sleep(2)
    memory_after, cpu_seconds, started = (
        contender.server.memory_bytes(),
        contender.server.cpu_seconds(),
        time.perf_counter(),
    )
    end = started + seconds
    while time.perf_counter() < end:  # each socket pings every five seconds, at different times
        for offset in range(50):
            if contender.ping:
                for socket in sockets[offset::50]:
                    socket.send(contender.ping)
            await asyncio.sleep(0.1)
    share = (contender.server.cpu_seconds() - cpu_seconds) / (time.perf_counter() - started)
    for socket in [*first_sockets, *sockets]:
        assert not socket.closed, socket.ended
        socket.close()
    await asyncio.sleep(1)
    return {
        "KiB each": (memory_after - memory_before) / count / 1024,
        "connects/s": connects,
        "server busy, %": share * 100,
    }


def _ignore_frame(socket: Socket, frame: bytes) -> None:
    pass


async def catch_up(environment: Environment, missed: int, times: int) -> Numbers:
    """Measures how long a device that was offline takes to load the messages of a group that it has missed.

    `missed` is the number of these messages. Raises AssertionError if a message is missing or out of order.
    """
    client = RequestClient()
    await client.open(environment, 1)
    newest = client.welcome["versions"][str(environment.group)]
    first_answer_times, complete_times = [], []
    for _ in range(times):
        started, version, received_versions, first_answer = time.perf_counter(), newest - missed, [], 0.0
        complete = False
        while not complete:
            cursors = {**client.welcome["versions"], str(environment.group): version}
            answer = await client.request("sync", {"cursors": cursors, "me": 10**9, "open": environment.group})
            first_answer = first_answer or time.perf_counter() - started
            payload = msgspec.json.decode(answer)["payload"]
            complete = payload["complete"]
            [changes] = payload["conversations"]
            received_versions += [message["version"] for message in changes["messages"]]
            version = changes["version"]
        complete_times.append(time.perf_counter() - started)
        first_answer_times.append(first_answer)
        assert received_versions == list(range(newest - missed + 1, newest + 1)), "Catching up left something out"
    client.socket.close()
    return {"first": statistics.median(first_answer_times) * 1000, "all": statistics.median(complete_times) * 1000}
