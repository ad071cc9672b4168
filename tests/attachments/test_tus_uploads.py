"""Tests of uploads with the protocol tus 1.0, on the ASGI servers daphne and uvicorn."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from django.test import Client

from accounts.models import User
from tests.attachments.conftest import LISTED_ORIGIN, MB, PART_CONTENT_TYPE, UploadClient, checksum_header, make_bytes


@pytest.fixture
def alice(running_site, upload_clients) -> UploadClient:
    return upload_clients(running_site, "alice")[0]


def test_a_third_party_tus_client_uploads_in_parts(alice):
    data = make_bytes(5 * MB + 123)
    uploader = alice.tus_uploader(data, "Übung 练习.bin")
    uploader.upload()
    attachment = alice.attachment(uploader.url)
    assert (attachment["name"], attachment["size"], attachment["kind"]) == ("Übung 练习.bin", len(data), "file")
    assert alice.http.get(attachment["url"]).content == data


def test_options_need_no_authentication(alice):
    headers = httpx.options(f"{alice.url}/api/v1/uploads/").headers
    assert headers["Tus-Version"] == "1.0.0"
    assert headers["Tus-Extension"] == "creation,checksum,expiration,termination"
    assert "sha256" in headers["Tus-Checksum-Algorithm"]
    assert int(headers["Tus-Max-Size"]) == 1024 * MB


def test_a_page_of_a_listed_origin_uploads_and_downloads(alice):
    """Browsers allow this if the preflight response names the headers of tus, and each response names the origin."""
    url, data = f"{alice.url}/api/v1/uploads/", make_bytes(1000)
    headers = (
        "authorization, content-type, tus-resumable, upload-checksum, upload-length, upload-metadata, upload-offset"
    )
    for method, path in (("POST", url), ("PATCH", f"{url}x/"), ("HEAD", f"{url}x/"), ("GET", f"{alice.url}/files/1/x")):
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
        preflight = httpx.options(path, headers={"Origin": LISTED_ORIGIN, **asked}).headers
        assert preflight["Access-Control-Allow-Origin"] == LISTED_ORIGIN
        assert set(headers.split(", ")) <= set(preflight["Access-Control-Allow-Headers"].split(", "))
    alice.http.headers["Origin"] = LISTED_ORIGIN
    created = alice.create_upload(len(data))
    where = created.headers["Location"]
    refused = alice.send_part(where, 5, data[5:])
    sent = alice.send_part(where, 0, data)
    assert (refused.status_code, sent.status_code) == (409, 204)
    downloaded = alice.http.get(alice.attachment(where)["url"])
    assert downloaded.content == data
    for response in (created, refused, sent, alice.http.head(where), downloaded):
        assert response.headers["Access-Control-Allow-Origin"] == LISTED_ORIGIN
        assert "Access-Control-Allow-Credentials" not in response.headers
        exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"location", "upload-offset", "upload-attachment", "retry-after"} <= set(exposed)
    alice.http.headers["Origin"] = "https://evil.example"
    for response in (alice.send_part(where, 0, b""), alice.http.head(where), alice.http.get(where)):
        assert "Access-Control-Allow-Origin" not in response.headers


def test_an_interrupted_request_resumes_where_it_broke(running_site, alice):
    """The connection breaks during an upload request of 10 MB. The client continues at the offset that the server
    reports.

    With uvicorn, the bytes that arrived are kept. With daphne none are kept, because daphne gives only complete
    requests to the application.
    """
    data = make_bytes(10 * MB)
    where = alice.create_upload(len(data)).headers["Location"]

    def parts_until_sixty_percent():
        yield data[: 6 * MB]
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError):
        alice.send_part(where, 0, parts_until_sixty_percent(), Content_Length=str(len(data)))
    offset = alice.wait_for_offset(where)
    if running_site.server != "daphne":  # daphne passes on complete requests only
        assert offset >= 5 * MB
    alice.send_part(where, offset, data[offset:]).raise_for_status()
    assert sha256(alice.http.get(alice.attachment(where)["url"]).content) == sha256(data)


def test_a_new_client_resumes_after_the_last_part(alice):
    data = make_bytes(5 * MB)
    uploader = alice.tus_uploader(data)
    uploader.upload(stop_at=3 * MB)
    again = alice.tus_uploader(data, url=uploader.url)  # like a new process that knows only the URL
    assert again.offset == 3 * MB
    again.upload()
    assert sha256(alice.http.get(alice.attachment(uploader.url)["url"]).content) == sha256(data)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_only_a_part_with_a_wrong_checksum_is_sent_again(alice, algorithm):
    data = make_bytes(2 * MB)
    where = alice.create_upload(len(data)).headers["Location"]
    alice.send_part(where, 0, data[:MB], Upload_Checksum=checksum_header(data[:MB], algorithm)).raise_for_status()
    damaged = b"!" + data[MB + 1 :]
    response = alice.send_part(where, MB, damaged, Upload_Checksum=checksum_header(data[MB:], algorithm))
    assert response.status_code == 460
    assert alice.get_offset(where) == MB
    response = alice.send_part(where, MB, data[MB:], Upload_Checksum=checksum_header(data[MB:], algorithm))
    assert response.status_code == 204
    assert alice.http.get(alice.attachment(where)["url"]).content == data


def test_the_file_must_have_the_declared_sha256(alice):
    data = make_bytes(MB)
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    where = alice.create_upload(len(data)).headers["Location"]
    response = alice.send_part(where, 0, data, Repr_Digest=f"sha-256=:{digest}:")
    assert response.status_code == 204
    assert response.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert alice.http.head(where).headers["Upload-Attachment"] == str(alice.attachment(where)["id"])

    where = alice.create_upload(len(data)).headers["Location"]
    for digest in (b"short", b"x" * 500):
        repr_digest = f"sha-256=:{base64.b64encode(digest).decode()}:"
        assert alice.send_part(where, 0, data, Repr_Digest=repr_digest).status_code == 400

    where = alice.create_upload(len(data), sha256=hashlib.sha256(b"something else").hexdigest()).headers["Location"]
    assert alice.send_part(where, 0, data).status_code == 460
    assert alice.http.head(where).status_code == 404  # the upload was deleted


def test_uploads_of_zero_bytes_and_one_byte(alice):
    for data in (b"", b"x"):
        attachment = alice.upload(data, "small.txt")
        assert attachment["size"] == len(data)
        assert alice.http.get(attachment["url"]).content == data


def test_a_wrong_offset_is_a_conflict(alice):
    data = make_bytes(MB)
    where = alice.create_upload(len(data)).headers["Location"]
    assert alice.send_part(where, 5, data[5:]).status_code == 409
    assert alice.send_part(where, 0, data[: MB // 2]).status_code == 204
    assert alice.send_part(where, 0, data).status_code == 409
    assert alice.get_offset(where) == MB // 2


def test_concurrent_requests_to_one_upload_are_rejected(running_site, alice):
    if running_site.server == "daphne":
        pytest.skip("daphne passes on complete requests only")
    data = make_bytes(4 * MB)
    where = alice.create_upload(len(data)).headers["Location"]
    first_came, go_on = threading.Event(), threading.Event()

    def slowly():
        yield data[: 2 * MB]
        first_came.set()
        go_on.wait(10)
        yield data[2 * MB :]

    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(alice.send_part(where, 0, slowly()).status_code))
    thread.start()
    first_came.wait(10)
    response = alice.at_url(running_site.url).send_part(where, 0, data)
    go_on.set()
    thread.join()
    assert response.status_code == 423
    assert answers == [204]
    assert alice.http.get(alice.attachment(where)["url"]).content == data


def test_more_bytes_than_declared_are_rejected(alice):
    where = alice.create_upload(100).headers["Location"]
    assert alice.send_part(where, 0, make_bytes(101)).status_code == 413
    assert alice.get_offset(where) == 0
    endless = (make_bytes(60) for _ in range(5))
    assert alice.send_part(where, 0, endless, Transfer_Encoding="chunked").status_code == 413


def test_a_cancelled_upload_is_deleted(alice):
    data = make_bytes(MB)
    where = alice.create_upload(len(data)).headers["Location"]
    alice.send_part(where, 0, data[:1000])
    assert alice.http.delete(where).status_code == 204
    assert alice.http.head(where).status_code == 404
    assert alice.send_part(where, 1000, data[1000:]).status_code == 404


def test_an_upload_has_an_expiry_header(alice):
    response = alice.create_upload(10)
    assert response.status_code == 201
    assert response.headers["Upload-Expires"].endswith("GMT")


def test_uploads_of_other_users_are_not_found(running_site, upload_clients, alice):
    (mallory,) = upload_clients(running_site, "mallory")
    where = alice.create_upload(10).headers["Location"]
    missing_url = "/api/v1/uploads/never-was-there/"
    for method in (mallory.http.head, mallory.http.get, mallory.http.delete):
        assert method(where).status_code == method(missing_url).status_code == 404
    assert (
        mallory.send_part(where, 0, b"0123456789").status_code
        == mallory.send_part(missing_url, 0, b"x").status_code
        == 404
    )
    anonymous = httpx.patch(f"{running_site.url}{where}", content=b"0123456789", headers={"Upload-Offset": "0"})
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "unauthenticated")
    assert alice.get_offset(where) == 0


def test_a_session_needs_a_csrf_token_for_a_part(running_site, alice):
    with running_site.orm():
        session = Client()
        session.force_login(User.objects.get(username="alice"))
    token = "x" * 32
    cookies = {"sessionid": session.cookies["sessionid"].value, "csrftoken": token}
    where = alice.create_upload(4).headers["Location"]
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": PART_CONTENT_TYPE,
        "Origin": running_site.url,
    }
    with httpx.Client(base_url=running_site.url, cookies=cookies) as browser:
        assert browser.patch(where, content=b"abcd", headers=headers).status_code == 403
        headers["X-CSRFToken"] = token
        assert browser.patch(where, content=b"abcd", headers=headers).status_code == 204


def test_invalid_requests_are_rejected(alice):
    assert alice.http.post("/api/v1/uploads/", headers={"Upload-Length": "-1"}).status_code == 400
    assert alice.http.post("/api/v1/uploads/").status_code == 400
    assert alice.http.post("/api/v1/uploads/", headers={"Upload-Defer-Length": "1"}).status_code == 400
    bad = {"Upload-Length": "1", "Upload-Metadata": "filename ***"}
    assert alice.http.post("/api/v1/uploads/", headers=bad).status_code == 400
    assert alice.http.post("/api/v1/uploads/", headers={"Tus-Resumable": "0.2"}).status_code == 412
    where = alice.create_upload(4).headers["Location"]
    assert alice.send_part(where, 0, b"abcd", Tus_Resumable="2.0.0").status_code == 412
    assert alice.send_part(where, 0, b"abcd", Content_Type="text/plain").status_code == 415
    assert alice.send_part(where, 0, b"abcd", Upload_Offset="four").status_code == 400
    assert alice.send_part(where, 0, b"abcd", Upload_Checksum="md5 abcd").status_code == 400
    assert alice.send_part(where, 0, b"abcd", Upload_Checksum="sha256 ***").status_code == 400
    assert alice.get_offset(where) == 0
    override = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", "Content-Type": PART_CONTENT_TYPE}
    assert alice.http.post(where, content=b"abcd", headers=override).status_code == 204


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_daphne_limits_the_size_of_a_request(running_site, alice):
    """With daphne, a request of 70 MB is rejected, because daphne stores the whole request before the application gets
    it.

    uvicorn passes the bytes on as they arrive, so the test is skipped there.
    """
    if running_site.server != "daphne":
        pytest.skip("uvicorn streams")
    where = alice.create_upload(100 * MB).headers["Location"]
    try:
        response = alice.send_part(where, 0, make_bytes(MB) * 70)
    except httpx.HTTPError:
        pass  # the connection was closed while the client was still sending
    else:
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert alice.at_url(running_site.url).get_offset(where) == 0


def test_memory_does_not_grow_with_the_upload(running_site, alice):
    """An upload request of 50 MB makes the server processes use less than 25 MB more memory.

    uvicorn passes the bytes on as they arrive, and daphne stores the request in a temporary file.
    """
    piece = make_bytes(MB) * 50

    def send() -> None:
        where = alice.create_upload(len(piece)).headers["Location"]
        alice.send_part(where, 0, piece).raise_for_status()
        assert sha256(alice.http.get(alice.attachment(where)["url"]).content) == sha256(piece)

    alice.upload(make_bytes(MB))
    before, most, done = resident_memory(running_site), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            most[0] = max(most[0], resident_memory(running_site))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        send()
    finally:
        done.set()
        watcher.join()
    assert most[0] - before < 25 * MB


def test_memory_does_not_grow_with_a_slow_download(running_site, alice):
    data = make_bytes(MB) * 60
    where = alice.create_upload(len(data)).headers["Location"]
    alice.send_part(where, 0, data).raise_for_status()
    url = alice.attachment(where)["url"]
    before = resident_memory(running_site)
    with alice.http.stream("GET", url) as response:
        pieces = response.iter_bytes(MB)
        read = [next(pieces)]
        time.sleep(2)  # enough time for the server to read the whole file
        assert resident_memory(running_site) - before < 25 * MB
        read.extend(pieces)
    assert sha256(b"".join(read)) == sha256(data)


def resident_memory(running_site) -> int:
    """Returns the resident memory (RAM in use) of all server processes of the website, in bytes."""
    total = 0
    for pid in process_tree(running_site.servers[0].process.pid):
        with suppress(OSError):  # the process has ended
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    return total


def process_tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(each for child in children for each in process_tree(int(child)))]
