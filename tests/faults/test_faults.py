"""Tests of messages during failures of servers, Redis, PostgreSQL and the network.

No message may be lost or stored twice, and all clients must have the same order of messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import threading

import httpx
import psutil
import psycopg
import pytest

pytestmark = pytest.mark.faults
USERNAMES = ("alice", "bob", "carol", "dave")


async def two_processes(make_site, **environment):
    """Creates a site on PostgreSQL and Redis with two server processes, and returns the site and both processes.

    A TCP proxy distributes connections to the two processes.
    """
    site = make_site("postgres", redis=True, proxied=True, LIMITS="off", **environment)
    first = await asyncio.to_thread(site.start)
    second = await asyncio.to_thread(site.start)
    return site, first, second


async def test_a_killed_server_loses_no_message(make_site, each_server, start_traffic):
    site = make_site(proxied=True, LIMITS="off")
    server = await asyncio.to_thread(site.start, each_server)
    traffic = await start_traffic(site, *USERNAMES)
    traffic.start()
    for _ in range(2):
        await asyncio.sleep(1)
        server.kill()
        await asyncio.to_thread(server.start)
    await asyncio.sleep(1)
    await traffic.stop()
    await traffic.assert_consistent()
    assert min(client.connects for client in traffic.clients.values()) >= 3


async def test_a_stopping_server_closes_sockets_with_1001(make_site, each_server, start_traffic):
    site = make_site(proxied=True, LIMITS="off")
    server = await asyncio.to_thread(site.start, each_server)
    traffic = await start_traffic(site, *USERNAMES)
    traffic.start()
    await asyncio.sleep(1)
    await asyncio.to_thread(server.restart)
    await asyncio.sleep(1)
    await traffic.stop()
    await traffic.assert_consistent()
    assert [client.closed_with[0] for client in traffic.clients.values()] == [1001] * len(USERNAMES)


async def test_two_processes_deliver_in_one_order(make_site, start_traffic):
    site, first, second = await two_processes(make_site)
    traffic = await start_traffic(site, *USERNAMES, urls=[first.ws_url, second.ws_url])
    traffic.start(pause=0.0)
    await asyncio.sleep(4)
    await traffic.stop()
    await traffic.assert_consistent(within=5)


async def test_killing_one_of_two_processes_loses_no_message(make_site, start_traffic):
    site, first, _second = await two_processes(make_site)
    traffic = await start_traffic(site, *USERNAMES)
    traffic.start()
    await asyncio.sleep(1)
    first.kill()
    await asyncio.sleep(2)
    await asyncio.to_thread(first.start)
    await asyncio.sleep(1)
    await traffic.stop()
    await traffic.assert_consistent()


async def test_edits_and_deletions_of_one_message_in_two_processes_leave_the_search_index_as_the_rows(
    make_site, start_traffic
):
    site, first, second = await two_processes(make_site)
    traffic = await start_traffic(site, "alice", "bob", urls=[first.ws_url, second.ws_url])
    alice, _bob = traffic.clients.values()
    token = {"Authorization": f"Bearer {alice.token}"}
    async with contextlib.AsyncExitStack() as stack:
        https = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=server.url, headers=token, timeout=30))
            for server in (first, second)
        ]
        for number in range(5):
            message = (await alice.send(traffic.group, f"first text {number}"))["id"]
            path = f"/api/v1/messages/{message}/"
            requests = [https[edit % 2].patch(path, json={"body": f"text {edit} w{edit}"}) for edit in range(8)]
            if number % 2:
                requests.insert(4, https[1].delete(path))
            answers = [response.status_code for response in await asyncio.gather(*requests)]
            assert set(answers) <= {200, 204, 404, 409}, answers
        assert await asyncio.to_thread(traffic.find_index_differences) == []
        second.kill()
        found = (await https[0].get("/api/v1/search/?q=text&kind=messages")).json()["messages"]["results"]
        assert len(found) == 3


async def test_a_redis_restart_without_data_loses_no_message(make_site, start_traffic, redis_server):
    site, first, second = await two_processes(make_site, SWEEP_SECONDS="1")
    traffic = await start_traffic(site, *USERNAMES, urls=[first.ws_url, second.ws_url])
    traffic.start()
    await asyncio.sleep(1)
    redis_server.kill()
    await traffic.wait_for_acks(20)  # sending continues
    await asyncio.sleep(2)  # the reconciliation loop delivers from the database
    await asyncio.to_thread(redis_server.start)
    await asyncio.sleep(2)
    redis_server.flush()
    await asyncio.sleep(1)
    redis_server.disconnect_all()
    await asyncio.sleep(1)
    await traffic.stop()
    await traffic.assert_consistent()
    assert sorted(traffic.ack_seconds)[int(len(traffic.ack_seconds) * 0.99)] < 4  # ANSWER_SECONDS


async def test_a_redis_that_is_away_fills_no_log(make_site, redis_server, start_traffic):
    site = make_site("postgres", redis=True, LIMITS="on", RATES="send=1000/1000")
    server = await asyncio.to_thread(site.start)
    traffic = await start_traffic(site, "alice", "bob")
    before = len(server.log.read_text().splitlines())
    traffic.start(pause=0.05)
    redis_server.kill()
    await asyncio.sleep(8)
    redis_server.start()
    await traffic.stop()
    lines = server.log.read_text().splitlines()[before:]
    assert len(lines) < 25, "\n".join(lines)
    assert any("Redis" in line or "channel layer" in line for line in lines)


async def test_sockets_survive_a_postgresql_restart(make_site, start_traffic, postgres_server):
    site, first, second = await two_processes(make_site)
    traffic = await start_traffic(site, *USERNAMES, urls=[first.ws_url, second.ws_url])
    connects = {name: client.connects for name, client in traffic.clients.items()}
    traffic.start()
    await asyncio.sleep(1)
    await asyncio.to_thread(postgres_server.restart, "fast")
    await asyncio.sleep(1)
    await asyncio.to_thread(postgres_server.restart, "immediate")
    await asyncio.sleep(2)
    await traffic.stop()
    await traffic.assert_consistent()
    assert {name: client.connects for name, client in traffic.clients.items()} == connects  # no socket was closed


async def test_a_locked_conversation_does_not_delay_others(make_site, start_traffic):
    site, first, _second = await two_processes(make_site)
    held = await start_traffic(site, "alice", "bob", urls=[first.ws_url])
    other = await start_traffic(site, "carol", "dave", urls=[first.ws_url])

    locked = threading.Event()
    release = threading.Event()

    def hold():
        with psycopg.connect(site.database_url) as connection:
            connection.execute("SELECT 1 FROM chat_conversation WHERE id = %s FOR UPDATE", [held.group])
            locked.set()
            release.wait(30)

    holding = asyncio.create_task(asyncio.to_thread(hold))
    await asyncio.to_thread(locked.wait, 10)
    held.start()
    other.start()
    try:
        await asyncio.sleep(2)
        await other.wait_for_acks(20)
        assert held.ack_seconds == []
        assert max(other.ack_seconds) < 3.5  # less than LOCK_TIMEOUT
    finally:
        release.set()
    await holding
    await asyncio.gather(held.stop(), other.stop())
    await held.assert_consistent()
    await other.assert_consistent()


async def test_repeated_connection_resets_lose_no_message(make_site, start_traffic):
    site = make_site(proxied=True, LIMITS="off")
    await asyncio.to_thread(site.start)
    traffic = await start_traffic(site, *USERNAMES)
    traffic.start()
    for number in range(6):
        await asyncio.sleep(0.4)
        if number % 2:
            await asyncio.to_thread(site.proxy.cut)
        else:
            site.proxy.cut_after(700)  # cuts connections inside a frame
    await asyncio.sleep(1)
    await traffic.stop()
    site.proxy.pass_all()
    await traffic.assert_consistent()


async def test_a_frozen_process_catches_up(make_site, start_traffic):
    site, first, second = await two_processes(make_site, SWEEP_SECONDS="1")
    traffic = await start_traffic(site, *USERNAMES, urls=[first.ws_url, second.ws_url])
    traffic.start()
    await asyncio.sleep(1)
    first.pause()
    await asyncio.sleep(3)
    first.resume()
    await asyncio.sleep(2)
    await traffic.stop()
    await traffic.assert_consistent()


async def test_stuck_readers_are_closed_and_do_not_slow_others(make_site, each_server, start_traffic):
    site = make_site(LIMITS="off")
    server = await asyncio.to_thread(site.start, each_server)
    traffic = await start_traffic(site, "alice", "bob")
    token = site.create_token("bob")
    stuck_sockets = []
    for _ in range(5):
        raw_socket = sockets.create_connection(("127.0.0.1", server.port))
        raw_socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw_socket.sendall(
            f"GET /ws/v1/ HTTP/1.1\r\nHost: localhost:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        stuck_sockets.append(raw_socket)
    await asyncio.sleep(1)
    traffic.start(pause=0.05)
    client = traffic.clients["alice"]
    big = "x" * 4000
    for number in range(400):
        await client.send(traffic.group, f"{number} {big}"[:4000])
    traffic._stop.set()
    await asyncio.gather(*traffic._senders)
    assert sorted(traffic.ack_seconds)[int(len(traffic.ack_seconds) * 0.99)] < 4  # ANSWER_SECONDS
    # The server must have closed the connections of the clients that do not read. This may take some seconds, because
    # the kernel may still have unsent data for them.
    async with asyncio.timeout(15):
        while _established(server.port) > len(traffic.clients):
            await asyncio.sleep(0.2)
    for raw_socket in stuck_sockets:
        raw_socket.close()


def _established(port: int) -> int:
    """Returns how many open TCP connections a process has at this local port."""
    connections = [
        connection
        for connection in psutil.net_connections("tcp")
        if connection.laddr and connection.laddr.port == port and connection.pid
    ]
    return sum(connection.status == psutil.CONN_ESTABLISHED for connection in connections)
