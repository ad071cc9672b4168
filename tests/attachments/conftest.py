"""People who send files to a shipped server, with clients that others wrote."""

from __future__ import annotations

import base64
import hashlib
import io
import uuid
from copy import copy
from typing import Any

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.uploader import Uploader

from tests.api.conftest import api  # noqa: F401 (the fixture)
from tests.servers import PASSWORD, Site

MB = 1024 * 1024
PART = "application/offset+octet-stream"


def noise(size: int, seed: bytes = b"noise") -> bytes:
    """Bytes that look like nothing, the same each time."""
    return hashlib.shake_256(seed).digest(size)


def checksum(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


class Sender:
    """One person with a token: by plain HTTP, and by tuspy."""

    def __init__(self, url: str, name: str, pk: int):
        self.url, self.name, self.pk = url, name, pk
        with httpx.Client(base_url=url, timeout=30) as http:
            answer = http.post("/api/v1/auth/token/", json={"login": name, "password": PASSWORD})
            self.token = answer.raise_for_status().json()["access"]
        self.http = httpx.Client(
            base_url=url, timeout=60, headers={"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0"}
        )

    def at(self, url: str) -> Sender:
        """The same person, by another address."""
        other = copy(self)
        other.url = url
        other.http = httpx.Client(base_url=url, timeout=60, headers=self.http.headers)
        return other

    def begin(self, size: int, name: str = "a.bin", **metadata: str) -> httpx.Response:
        """POST: an upload of so many bytes."""
        pairs = {"filename": name, **metadata}
        said = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
        return self.http.post("/api/v1/uploads/", headers={"Upload-Length": str(size), "Upload-Metadata": said})

    def part(self, where: str, offset: int, data: Any, **headers: str) -> httpx.Response:
        """PATCH: bytes from there on."""
        said = {"Upload-Offset": str(offset), "Content-Type": PART}
        return self.http.patch(where, content=data, headers=said | {k.replace("_", "-"): v for k, v in headers.items()})

    def offset(self, where: str) -> int:
        answer = self.http.head(where)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["Upload-Offset"])

    def upload(self, data: bytes, name: str = "a.bin", **metadata: str) -> dict:
        """All at once; the attachment."""
        where = self.begin(len(data), name, **metadata).raise_for_status().headers["Location"]
        if data:
            self.part(where, 0, data, Upload_Checksum=checksum(data)).raise_for_status()
        return self.attachment(where)

    def attachment(self, where: str) -> dict:
        return self.http.get(where).raise_for_status().json()["attachment"]

    def tus(self, data: bytes, name: str = "a.bin", **options: Any) -> Uploader:
        client = TusClient(f"{self.url}/api/v1/uploads/", headers={"Authorization": f"Bearer {self.token}"})
        options = {"chunk_size": MB, "upload_checksum": True, "metadata": {"filename": name}, **options}
        return client.uploader(file_stream=io.BytesIO(data), **options)

    def room(self, *others: int) -> int:
        group = {"kind": "group", "title": "Room", "user_ids": list(others)}
        return self.http.post("/api/v1/conversations/", json=group).raise_for_status().json()["id"]

    def send(self, room: int, *attachments: dict, body: str = "", **more: Any) -> httpx.Response:
        message = {"client_id": str(uuid.uuid4()), "body": body, "attachment_ids": [a["id"] for a in attachments]}
        return self.http.post(f"/api/v1/conversations/{room}/messages/", json=message | more)


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def town(request, tmp_path_factory, django_db_blocker):
    """A running site for all tests of a module, once on each server. `town.server` says which."""
    site = Site(tmp_path_factory.mktemp("town"), None, "", False, django_db_blocker.unblock, {})
    site.start(server=request.param)
    site.server = request.param  # type: ignore[attr-defined]
    yield site
    site.end()


@pytest.fixture
def senders():
    """`senders(site, "alice", "bob")`: their clients, with people made where they are not there."""
    made: list[Sender] = []

    def make(site, *names: str) -> list[Sender]:
        people = site.people(*names)
        found = [Sender(site.url, name, person.pk) for name, person in zip(names, people, strict=True)]
        made.extend(found)
        return found

    yield make
    for sender in made:
        sender.http.close()
