"""Kill it, cut it, empty it: nothing acknowledged is lost, nothing comes twice, and all see one order."""

from __future__ import annotations

import asyncio
import socket as sockets
import time

import psutil
import psycopg
import pytest

from tests.client import token_for

pytestmark = pytest.mark.faults
CAST = ("alice", "bob", "carol", "dave")


async def two_processes(make_site, **environment):
    """PostgreSQL, Redis, and two server processes behind one address."""
    site = make_site("postgres", redis=True, proxied=True, LIMITS="off", **environment)
    first = await asyncio.to_thread(site.start)
    second = await asyncio.to_thread(site.start)
    return site, first, second


async def test_the_server_is_killed_while_people_send_and_comes_back(make_site, each_server, talking):
    site = make_site(proxied=True, LIMITS="off")
    server = await asyncio.to_thread(site.start, each_server)
    talk = await talking(site, *CAST)
    talk.start()
    for _ in range(2):
        await asyncio.sleep(1)
        server.kill()
        await asyncio.to_thread(server.start)
    await asyncio.sleep(1)
    await talk.stop()
    await talk.audit()
    assert min(client.connects for client in talk.clients.values()) >= 3


async def test_a_server_that_is_told_to_stop_tells_everybody_to_come_back(make_site, each_server, talking):
    site = make_site(proxied=True, LIMITS="off")
    server = await asyncio.to_thread(site.start, each_server)
    talk = await talking(site, *CAST)
    talk.start()
    await asyncio.sleep(1)
    await asyncio.to_thread(server.restart)
    await asyncio.sleep(1)
    await talk.stop()
    await talk.audit()
    assert [client.closed_with[0] for client in talk.clients.values()] == [1001] * len(CAST)


async def test_two_processes_tell_one_order(make_site, talking):
    site, first, second = await two_processes(make_site)
    talk = await talking(site, *CAST, urls=[first.ws_url, second.ws_url])
    talk.start(pause=0.0)
    await asyncio.sleep(4)
    await talk.stop()
    await talk.audit(within=5)


async def test_one_of_two_processes_is_killed(make_site, talking):
    site, first, _second = await two_processes(make_site)
    talk = await talking(site, *CAST)
    talk.start()
    await asyncio.sleep(1)
    first.kill()
    await asyncio.sleep(2)
    await asyncio.to_thread(first.start)
    await asyncio.sleep(1)
    await talk.stop()
    await talk.audit()


async def test_redis_dies_and_comes_back_empty(make_site, talking, redis_server):
    site, first, second = await two_processes(make_site, SWEEP_SECONDS="1")
    talk = await talking(site, *CAST, urls=[first.ws_url, second.ws_url])
    talk.start()
    await asyncio.sleep(1)
    redis_server.kill()
    await asyncio.sleep(3)  # sends go on meanwhile, and the sweep tells them
    during = len(talk.waits)
    assert during > 20, "sending stopped with Redis"
    await asyncio.to_thread(redis_server.start)
    await asyncio.sleep(2)
    redis_server.flush()
    await asyncio.sleep(1)
    redis_server.disconnect_all()
    await asyncio.sleep(1)
    await talk.stop()
    await talk.audit()
    assert sorted(talk.waits)[int(len(talk.waits) * 0.99)] < 2


async def test_postgresql_restarts_under_open_sockets(make_site, talking, postgres_server):
    site, first, second = await two_processes(make_site)
    talk = await talking(site, *CAST, urls=[first.ws_url, second.ws_url])
    connects = {name: client.connects for name, client in talk.clients.items()}
    talk.start()
    await asyncio.sleep(1)
    await asyncio.to_thread(postgres_server.restart, "fast")
    await asyncio.sleep(1)
    await asyncio.to_thread(postgres_server.restart, "immediate")
    await asyncio.sleep(2)
    await talk.stop()
    await talk.audit()
    assert {name: client.connects for name, client in talk.clients.items()} == connects  # sockets stay


async def test_a_conversation_that_somebody_holds_delays_no_other(make_site, talking):
    site, first, _second = await two_processes(make_site)
    held = await talking(site, "alice", "bob", urls=[first.ws_url])
    other = await talking(site, "carol", "dave", urls=[first.ws_url])

    def hold():
        with psycopg.connect(site.database_url) as connection:
            connection.execute("SELECT 1 FROM chat_conversation WHERE id = %s FOR UPDATE", [held.room])
            time.sleep(3)

    holding = asyncio.create_task(asyncio.to_thread(hold))
    await asyncio.sleep(0.5)
    held.start()
    other.start()
    await asyncio.sleep(2)
    assert len(other.waits) > 20
    assert max(other.waits) < 1.5
    await holding
    await asyncio.gather(held.stop(), other.stop())
    await held.audit()
    await other.audit()


async def test_the_line_is_cut_and_cut_again(make_site, talking):
    site = make_site(proxied=True, LIMITS="off")
    await asyncio.to_thread(site.start)
    talk = await talking(site, *CAST)
    talk.start()
    for number in range(6):
        await asyncio.sleep(0.4)
        if number % 2:
            await asyncio.to_thread(site.proxy.cut)
        else:
            site.proxy.cut_after(700)  # in the middle of a frame
    await asyncio.sleep(1)
    await talk.stop()
    site.proxy.pass_all()
    await talk.audit()


async def test_a_process_that_stood_still_for_a_while_catches_up(make_site, talking):
    site, first, second = await two_processes(make_site, SWEEP_SECONDS="1")
    talk = await talking(site, *CAST, urls=[first.ws_url, second.ws_url])
    talk.start()
    await asyncio.sleep(1)
    first.pause()
    await asyncio.sleep(3)
    first.resume()
    await asyncio.sleep(2)
    await talk.stop()
    await talk.audit()


async def test_readers_who_take_nothing_are_closed_and_others_are_not_slowed(make_site, each_server, talking):
    site = make_site(LIMITS="off")
    server = await asyncio.to_thread(site.start, each_server)
    talk = await talking(site, "alice", "bob")
    token = await token_for(site.url, "bob")
    stuck = []
    for _ in range(5):
        raw = sockets.create_connection(("127.0.0.1", server.port))
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.sendall(
            f"GET /ws/v1/ HTTP/1.1\r\nHost: localhost:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        stuck.append(raw)
    await asyncio.sleep(1)
    talk.start(pause=0.05)
    client = talk.clients["alice"]
    big = "x" * 4000
    for number in range(400):
        await client.send(talk.room, f"{number} {big}"[:4000])
    talk._stop.set()
    await asyncio.gather(*talk._talkers)
    assert sorted(talk.waits)[int(len(talk.waits) * 0.99)] < 1
    # The server let go of those who took nothing; what the kernel still holds for them is the kernel's.
    async with asyncio.timeout(15):
        while _established(server.port) > len(talk.clients):
            await asyncio.sleep(0.2)
    for raw in stuck:
        raw.close()


def _established(port: int) -> int:
    """Connections that a process still holds at this port of its own."""
    lines = [line for line in psutil.net_connections("tcp") if line.laddr and line.laddr.port == port and line.pid]
    return sum(line.status == psutil.CONN_ESTABLISHED for line in lines)
