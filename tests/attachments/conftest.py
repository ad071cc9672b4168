"""Fixtures for tests of attachments: a running website, and clients that upload files with httpx or tuspy (a client for
the upload protocol tus).
"""

from __future__ import annotations

import base64
import hashlib
import io
import time
import uuid
from copy import copy
from typing import Any

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.uploader import Uploader

from tests import openapi
from tests.api.conftest import api  # noqa: F401 (the fixture)
from tests.servers import Site

MB = 1024 * 1024
LISTED_ORIGIN = "https://app.example.org"
PART_CONTENT_TYPE = "application/offset+octet-stream"


def make_bytes(size: int, seed: bytes = b"noise") -> bytes:
    """Returns `size` pseudo-random bytes, which are the same in each test run."""
    return hashlib.shake_256(seed).digest(size)


def checksum_header(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


class UploadClient:
    """A signed-in user who uploads files with plain HTTP requests or with tuspy (a tus client in Python)."""

    def __init__(self, site: Site, name: str, pk: int):
        self.url, self.name, self.pk = site.url, name, pk
        self.token = site.create_token(name)
        self.http = httpx.Client(
            base_url=self.url,
            timeout=60,
            headers={"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0"},
            event_hooks={"response": [_check_response]},
        )

    def at_url(self, url: str) -> UploadClient:
        """Returns a client of the same user for another base URL, for example after a restart on another port."""
        client = copy(self)
        client.url = url
        client.http = httpx.Client(
            base_url=url, timeout=60, headers=self.http.headers, event_hooks=self.http.event_hooks
        )
        return client

    def create_upload(self, size: int, name: str = "a.bin", **metadata: str) -> httpx.Response:
        """Creates an upload of `size` bytes with a POST request, without sending any bytes of the file. Returns the
        response.
        """
        pairs = {"filename": name, **metadata}
        upload_metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
        return self.http.post(
            "/api/v1/uploads/", headers={"Upload-Length": str(size), "Upload-Metadata": upload_metadata}
        )

    def send_part(self, where: str, offset: int, data: Any, **headers: str) -> httpx.Response:
        """Sends bytes to the upload at the URL `where` with a PATCH request. `offset` is the position of the first byte
        in the file. Returns the response.
        """
        part_headers = {"Upload-Offset": str(offset), "Content-Type": PART_CONTENT_TYPE}
        return self.http.patch(
            where, content=data, headers=part_headers | {k.replace("_", "-"): v for k, v in headers.items()}
        )

    def get_offset(self, where: str) -> int:
        response = self.http.head(where)
        assert response.status_code == 200, response.status_code
        return int(response.headers["Upload-Offset"])

    def wait_for_offset(self, where: str) -> int:
        """Waits until the server has noticed that the connection is broken. Returns how many bytes are stored.

        The server has noticed it when the offset no longer changes.
        """
        before = -1
        for _ in range(20):
            offset = self.get_offset(where)
            if offset == before and offset:
                break
            before = offset
            time.sleep(0.1)
        return before

    def upload(self, data: bytes, name: str = "a.bin", **metadata: str) -> dict:
        """Creates an upload and sends all its bytes in one request. Returns the attachment of the file as JSON data."""
        where = self.create_upload(len(data), name, **metadata).raise_for_status().headers["Location"]
        if data:
            self.send_part(where, 0, data, Upload_Checksum=checksum_header(data)).raise_for_status()
        return self.attachment(where)

    def attachment(self, where: str) -> dict:
        return self.http.get(where).raise_for_status().json()["attachment"]

    def tus_uploader(self, data: bytes, name: str = "a.bin", **options: Any) -> Uploader:
        client = TusClient(f"{self.url}/api/v1/uploads/", headers={"Authorization": f"Bearer {self.token}"})
        options = {"chunk_size": MB, "upload_checksum": True, "metadata": {"filename": name}, **options}
        return client.uploader(file_stream=io.BytesIO(data), **options)

    def create_group(self, *user_ids: int) -> int:
        group = {"kind": "group", "title": "Room", "user_ids": list(user_ids)}
        return self.http.post("/api/v1/conversations/", json=group).raise_for_status().json()["id"]

    def send_message(self, conversation_id: int, *attachments: dict, body: str = "", **fields: Any) -> httpx.Response:
        message = {"client_id": str(uuid.uuid4()), "body": body, "attachment_ids": [a["id"] for a in attachments]}
        return self.http.post(f"/api/v1/conversations/{conversation_id}/messages/", json=message | fields)


def _check_response(response: httpx.Response) -> None:
    if response.request.url.path.startswith("/api/v1/"):
        openapi.check_response(
            response.request.method, response.request.url.path, response.status_code, response.read()
        )


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def running_site(request, tmp_path_factory, django_db_blocker):
    """Runs a website for all tests of a module, once with the ASGI server daphne and once with uvicorn.

    The attribute `server` of the returned object is the name of this ASGI server.
    """
    environment = {"EXTRA_ORIGINS": LISTED_ORIGIN}
    site = Site(tmp_path_factory.mktemp("site"), None, "", False, django_db_blocker.unblock, environment)
    site.start(server=request.param)
    site.server = request.param  # type: ignore[attr-defined]
    yield site
    site.end()


@pytest.fixture
def upload_clients():
    """Returns a function that creates clients: `upload_clients(site, "alice", "bob")` returns an UploadClient for each
    of these user names.

    Users that do not exist yet are created.
    """
    clients: list[UploadClient] = []

    def create(site, *names: str) -> list[UploadClient]:
        users = site.create_users(*names)
        new_clients = [UploadClient(site, name, user.pk) for name, user in zip(names, users, strict=True)]
        clients.extend(new_clients)
        return new_clients

    yield create
    for client in clients:
        client.http.close()
