"""Simulated devices of users: each has a WebSocket and makes REST requests, without a browser.

Tests use them to make changes that the open page of another user must show.
"""

from __future__ import annotations

import base64
import json
import uuid
import wave
from io import BytesIO
from typing import Any

import httpx
from PIL import Image

from tests.client import Client


def make_png(colour: str = "teal", size: tuple[int, int] = (300, 200)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def make_wav(seconds: int = 1) -> bytes:
    buffer = BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8_000)
        sound.writeframes(bytes([128]) * 8_000 * seconds)
    return buffer.getvalue()


class Device:
    """A device of one user, signed in to the API with a token. Example: `await bob.put("messages/5/pin/")`."""

    def __init__(self, site: Any, pk: int, token: str):
        self.pk, self.token, self._ws_url = pk, token, site.ws_url
        self._http = httpx.AsyncClient(
            base_url=f"{site.url}/api/v1/", timeout=30, headers={"Authorization": f"Bearer {token}"}
        )
        self._socket: Client | None = None

    async def request(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        if body is not None:
            options["json"] = body
        response = await self._http.request(method, path, **options)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    async def get(self, path: str) -> Any:
        return await self.request("GET", path)

    async def post(self, path: str, **body: Any) -> Any:
        return await self.request("POST", path, body)

    async def put(self, path: str, **body: Any) -> Any:
        return await self.request("PUT", path, body)

    async def patch(self, path: str, **body: Any) -> Any:
        return await self.request("PATCH", path, body)

    async def delete(self, path: str) -> Any:
        return await self.request("DELETE", path)

    async def upload_avatar(self, path: str, colour: str) -> Any:
        """Uploads a picture in one colour as the avatar of a user or a group. `path` is the URL of the avatar."""
        return await self.request("PUT", path, files={"avatar": ("a.png", make_png(colour), "image/png")})

    async def upload(self, content: bytes, name: str, **metadata: str) -> int:
        """Uploads a file with tus (a protocol for resumable uploads) and returns the id of the new attachment."""
        pairs = {"filename": name, **metadata}
        encoded = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
        headers = {"Tus-Resumable": "1.0.0"}
        length = {"Upload-Length": str(len(content)), "Upload-Metadata": encoded}
        created = await self._http.post("uploads/", headers=headers | length)
        path = created.raise_for_status().headers["Location"]
        path = path[path.index("uploads/") :]
        chunk_headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        (await self._http.patch(path, headers=headers | chunk_headers, content=content)).raise_for_status()
        return (await self._http.get(path)).json()["attachment"]["id"]

    async def send(self, conversation_id: int, body: str, **options: Any) -> dict:
        message = {"client_id": str(uuid.uuid4()), "body": body, **options}
        return await self.post(f"conversations/{conversation_id}/messages/", **message)

    async def go_online(self) -> None:
        """Opens a WebSocket, so that the user of this device is shown as online until `go_offline` is called."""
        self._socket = Client(self._ws_url, self.token)
        await self._socket.__aenter__()

    async def view(self, conversation_id: int) -> None:
        """Tells the server that the user of this device is viewing the given conversation.

        Opens a WebSocket first if none is open.
        """
        if not self._socket:
            await self.go_online()
        assert self._socket
        await self._socket.send_raw(json.dumps({"type": "view", "payload": {"conversation_id": conversation_id}}))

    async def go_offline(self) -> None:
        if self._socket:
            await self._socket.__aexit__()
        self._socket = None

    async def close(self) -> None:
        await self.go_offline()
        await self._http.aclose()


async def sign_in(site: Any, username: str, pk: int) -> Device:
    return Device(site, pk, site.create_token(username))
