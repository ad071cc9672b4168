"""Tests who may open a WebSocket, and how others are refused, on a running daphne and a running uvicorn server."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest
import websockets

from accounts.auth import tokens
from tests.client import rejection_status
from tests.servers import PASSWORD


async def rejection_reason(url, **options) -> str:
    """Tries to open a WebSocket that the server must reject with HTTP 403, and returns the reason in the response."""
    with pytest.raises(websockets.InvalidStatus) as rejected:
        await websockets.connect(url, **options)
    response = rejected.value.response
    assert response.status_code == 403 and response.headers["Content-Type"] == "application/json"
    error = json.loads(response.body)
    assert error["code"] == "forbidden" and set(error) == {"code", "detail"}
    return error["detail"]


async def test_a_rejected_handshake_says_why(workspace):
    bearer, url = {"Authorization": f"Bearer {workspace.tokens['alice']}"}, workspace.ws_url
    assert "Only a client with a bearer token" in await rejection_reason(url)
    assert "EXTRA_ORIGINS" in await rejection_reason(url, origin="https://evil.example", additional_headers=bearer)
    for path in ("/ws/v2/", "/ws/", "/"):
        assert "/ws/v1/" in await rejection_reason(url.replace("/ws/v1/", path), additional_headers=bearer)


async def test_a_socket_that_is_closed_at_once_says_why(workspace):
    """Scripts in browsers can read this reason, other than the body of a rejected handshake."""
    url, own = workspace.ws_url, workspace.url

    async def close_frame(**options):
        async with websockets.connect(url, **options) as socket:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
        return closed.value.rcvd.code, closed.value.rcvd.reason

    invalid = {"Authorization": "Bearer nonsense"}
    assert await close_frame(additional_headers=invalid) == (4401, "The access token is invalid or expired.")
    protocols = ["messenger.v1", "bearer.nonsense"]
    assert await close_frame(origin=own, subprotocols=protocols) == (4401, "The access token is invalid or expired.")
    assert await close_frame(origin=own) == (4401, "No valid session cookie.")
    headers = {"Authorization": f"Bearer {workspace.site.create_token('mallory')}"}
    async with workspace.http("mallory") as http:
        assert (await http.delete("/api/v1/sessions/")).status_code == 204  # signs out all other clients of mallory
    assert await close_frame(additional_headers=headers) == (4401, "The sign-in has ended.")


async def test_a_site_with_https_accepts_sockets_with_tls_only(make_site, each_server):
    """The proxy in front of the server ends TLS, and says so in X-Forwarded-Proto. Others cannot say so."""
    site = make_site(SITE_URL="https://localhost")
    behind_proxy = site.start(each_server, TRUSTED_PROXIES="127.0.0.1")
    without_proxy = site.start(each_server, TRUSTED_PROXIES="192.0.2.1")
    (alice,) = site.create_users("alice")

    def issue_token() -> str:
        with site.orm():
            return tokens.issue_token_pair(alice).access

    bearer = {"Authorization": f"Bearer {await asyncio.to_thread(issue_token)}"}
    tls, plain = {**bearer, "X-Forwarded-Proto": "https"}, {**bearer, "X-Forwarded-Proto": "http"}
    assert await rejection_status(behind_proxy.ws_url, additional_headers=tls) == 0
    for headers in (plain, bearer):
        assert "wss://" in await rejection_reason(behind_proxy.ws_url, additional_headers=headers)
    assert "wss://" in await rejection_reason(without_proxy.ws_url, additional_headers=tls)


async def test_who_may_open_a_socket(workspace):
    token = workspace.site.create_token("alice")
    bearer = {"Authorization": f"Bearer {token}"}
    url, own = workspace.ws_url, workspace.url
    assert await rejection_status(url, additional_headers=bearer) == 0
    assert await rejection_status(url, additional_headers=bearer, origin=own) == 0
    assert await rejection_status(url, additional_headers=bearer, origin="https://evil.example") == 403
    assert await rejection_status(url, additional_headers=bearer, origin="null") == 403
    assert await rejection_status(url, additional_headers=bearer, origin=own.replace("http", "https")) == 403
    assert await rejection_status(url, additional_headers=bearer, origin=own.rsplit(":", 1)[0] + ":1") == 403
    assert await rejection_status(url) == 403
    assert await rejection_status(url, origin=own) == 4401
    assert await rejection_status(url, origin=own, additional_headers={"Cookie": 'a/b=c; sessionid="\\000aaa"'}) == 4401
    assert await rejection_status(url, additional_headers={"Authorization": "Basic eDp5"}) == 403
    assert await rejection_status(url.replace("/ws/v1/", "/")) == 403
    assert await rejection_status(url, additional_headers={"Authorization": "Bearer nonsense"}) == 4401
    assert await rejection_status(url, origin=own, subprotocols=["messenger.v1", "bearer.nonsense"]) == 4401
    assert await rejection_status(url + "?token=" + token) == 403
    assert await rejection_status(url.replace("/v1/", "/v2/"), additional_headers=bearer) in (403, 404)
    async with websockets.connect(url, origin=own, subprotocols=["messenger.v1", f"bearer.{token}"]) as socket:
        assert socket.subprotocol == "messenger.v1"
        welcome = json.loads(await socket.recv())
    assert welcome["type"] == "welcome"
    assert {str(workspace.group), str(workspace.direct_conversation)} <= welcome["payload"]["versions"].keys()


async def send_raw_handshake(workspace, http_version: str = "1.1", **changed: str) -> str:
    """Sends a handshake with these changes of its headers. Returns the status line of the answer."""
    url = httpx.URL(workspace.url)
    headers = {
        "Host": f"{url.host}:{url.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        "Authorization": f"Bearer {workspace.tokens['alice']}",
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    reader, writer = await asyncio.open_connection(url.host, url.port)
    lines = [f"GET /ws/v1/ HTTP/{http_version}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    status_line = (await asyncio.wait_for(reader.readline(), 10)).decode().strip()
    writer.close()
    return status_line


async def test_a_handshake_must_follow_rfc_6455(workspace):
    assert " 101 " in await send_raw_handshake(workspace)
    for version in ("0", "8", "12", "14", "x", "13, 8"):
        assert re.match(r"HTTP/1\.1 4\d\d ", await send_raw_handshake(workspace, Sec_WebSocket_Version=version))
    if (
        workspace.site.servers[0].environment()["SERVER"] == "daphne"
    ):  # uvicorn answers a handshake with HTTP/1.0 like one with 1.1
        assert re.match(r"HTTP/1\.[01] 4\d\d ", await send_raw_handshake(workspace, "1.0"))
    assert " 403 " in await send_raw_handshake(workspace, Host="evil.example")


async def test_a_browser_connects_with_its_session_cookie(workspace):
    async with httpx.AsyncClient(base_url=workspace.url) as http:
        await http.get("/accounts/login/")
        form = {"login": "alice", "password": PASSWORD, "csrfmiddlewaretoken": http.cookies["csrftoken"]}
        answer = await http.post("/accounts/login/", data=form, headers={"Referer": workspace.url})
        assert answer.status_code == 302, answer.text
        cookie = {"Cookie": f"sessionid={http.cookies['sessionid']}"}
    assert await rejection_status(workspace.ws_url, additional_headers=cookie) == 403  # no Origin: not a browser
    assert await rejection_status(workspace.ws_url, additional_headers=cookie, origin=workspace.url) == 0
    basic = {**cookie, "Authorization": "Basic eDp5"}
    assert await rejection_status(workspace.ws_url, additional_headers=basic) == 403
