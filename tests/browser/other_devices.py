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

from tests.client import Client, token_for


def a_picture(colour: str = "teal", size: tuple[int, int] = (300, 200)) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, colour).save(written, "PNG")
    return written.getvalue()


def a_sound(seconds: int = 1) -> bytes:
    written = BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8_000)
        sound.writeframes(bytes([128]) * 8_000 * seconds)
    return written.getvalue()


class Device:
    """A device of one user, signed in to the API with a token. Example: `await bob.put("messages/5/pin/")`."""

    def __init__(self, site: Any, pk: int, token: str):
        self.pk, self.token, self._ws_url = pk, token, site.ws_url
        self._http = httpx.AsyncClient(
            base_url=f"{site.url}/api/v1/", timeout=30, headers={"Authorization": f"Bearer {token}"}
        )
        self._socket: Client | None = None

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        if body is not None:
            options["json"] = body
        answer = await self._http.request(method, path, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def get(self, path: str) -> Any:
        return await self.ask("GET", path)

    async def post(self, path: str, **body: Any) -> Any:
        return await self.ask("POST", path, body)

    async def put(self, path: str, **body: Any) -> Any:
        return await self.ask("PUT", path, body)

    async def patch(self, path: str, **body: Any) -> Any:
        return await self.ask("PATCH", path, body)

    async def delete(self, path: str) -> Any:
        return await self.ask("DELETE", path)

    async def picture(self, path: str, colour: str) -> Any:
        """Uploads a picture in one colour as the avatar of a user or a group. `path` is the URL of the avatar."""
        return await self.ask("PUT", path, files={"avatar": ("a.png", a_picture(colour), "image/png")})

    async def upload(self, content: bytes, name: str, **about: str) -> int:
        """Uploads a file with tus (a protocol for resumable uploads) and returns the id of the new attachment."""
        pairs = {"filename": name, **about}
        said = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
        headers = {"Tus-Resumable": "1.0.0"}
        length = {"Upload-Length": str(len(content)), "Upload-Metadata": said}
        begun = await self._http.post("uploads/", headers=headers | length)
        where = begun.raise_for_status().headers["Location"]
        where = where[where.index("uploads/") :]
        part = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        (await self._http.patch(where, headers=headers | part, content=content)).raise_for_status()
        return (await self._http.get(where)).json()["attachment"]["id"]

    async def send(self, conversation_id: int, body: str, **more: Any) -> dict:
        message = {"client_id": str(uuid.uuid4()), "body": body, **more}
        return await self.post(f"conversations/{conversation_id}/messages/", **message)

    async def come(self) -> None:
        """Opens a WebSocket, so that the user of this device is shown as online until `go` is called."""
        self._socket = Client(self._ws_url, self.token)
        await self._socket.__aenter__()

    async def look(self, conversation_id: int) -> None:
        """Tells the server that the user of this device is viewing the given conversation.

        Opens a WebSocket first if none is open.
        """
        if not self._socket:
            await self.come()
        assert self._socket
        await self._socket.send_raw(json.dumps({"type": "view", "payload": {"conversation_id": conversation_id}}))

    async def go(self) -> None:
        if self._socket:
            await self._socket.__aexit__()
        self._socket = None

    async def end(self) -> None:
        await self.go()
        await self._http.aclose()


async def device(site: Any, username: str, pk: int) -> Device:
    return Device(site, pk, await token_for(site.url, username))
