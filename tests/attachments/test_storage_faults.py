"""Tests of uploads when something fails: the server is killed, the connection breaks, or the S3 service does not
respond.
"""

from __future__ import annotations

import hashlib
import threading
import time

import httpx
import pytest

from chat.models import Upload
from tests.attachments.conftest import MB, checksum_header, make_bytes
from tests.conftest import require_service
from tests.proxy import UP

pytestmark = pytest.mark.faults


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_an_upload_resumes_after_kill_9(site, upload_clients, each_server):
    """After the server was killed, the parts of a file that it had acknowledged are still stored.

    The client sends the rest. The SHA-256 of the whole file is then correct, although the hash of the first parts was
    lost with the memory of the killed server.
    """
    server = site.start(server=each_server)
    (alice,) = upload_clients(site, "alice")
    data = make_bytes(6 * MB)
    where = alice.create_upload(len(data), "big.bin", sha256=sha256(data)).headers["Location"]
    for start in range(0, 4 * MB, MB):
        part = data[start : start + MB]
        alice.send_part(where, start, part, Upload_Checksum=checksum_header(part)).raise_for_status()
    server.kill()
    server.start()
    assert alice.get_offset(where) == 4 * MB
    alice.send_part(where, 4 * MB, data[4 * MB :]).raise_for_status()
    attachment = alice.attachment(where)
    assert sha256(alice.http.get(attachment["url"]).content) == sha256(data)


def test_bytes_that_were_not_acknowledged_are_overwritten_after_kill_9(site, upload_clients):
    """After the server was killed, the client continues the upload at the offset that the new server reports.

    Bytes that the killed server had stored after this offset are overwritten.
    """
    server = site.start(server="uvicorn")
    (alice,) = upload_clients(site, "alice")
    data = make_bytes(30 * MB)
    where = alice.create_upload(len(data)).headers["Location"]
    sent, killed = threading.Event(), threading.Event()

    def slowly():
        for start in range(0, 18 * MB, MB):
            yield data[start : start + MB]
        sent.set()
        killed.wait(30)
        yield data[18 * MB :]

    def send():
        with pytest.raises(httpx.HTTPError):
            alice.send_part(where, 0, slowly(), Content_Length=str(len(data)))

    thread = threading.Thread(target=send)
    thread.start()
    assert sent.wait(20)
    time.sleep(0.3)
    server.kill()
    killed.set()
    thread.join()
    server.start()
    offset = alice.get_offset(where)
    assert 8 * MB <= offset <= 18 * MB, "at most a block of 8 MB is sent again"
    deadline = time.monotonic() + 10  # the lease (expiring lock) of the killed request must expire first
    while (response := alice.send_part(where, offset, data[offset:])).status_code == 423:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert response.status_code == 204
    assert sha256(alice.http.get(alice.attachment(where)["url"]).content) == sha256(data)


def test_an_upload_resumes_after_a_cut_connection(make_site, upload_clients):
    site = make_site(proxied=True)
    site.start(server="uvicorn")
    (alice,) = upload_clients(site, "alice")
    data = make_bytes(10 * MB)
    where = alice.create_upload(len(data)).headers["Location"]
    site.proxy.cut_after(6 * MB, UP)
    with pytest.raises(httpx.HTTPError):
        alice.send_part(where, 0, data)
    alice = alice.at_url(site.url)
    # What the server had received is stored when it notices the end of the connection. A reset discards what was still
    # in the buffers of the kernel, so the offset is less than what passed the proxy.
    offset = alice.wait_for_offset(where)
    assert 0 < offset <= 6 * MB
    alice.send_part(where, offset, data[offset:]).raise_for_status()
    assert sha256(alice.http.get(alice.attachment(where)["url"]).content) == sha256(data)


def test_an_upload_resumes_on_another_day(site, upload_clients):
    site.start()
    (alice,) = upload_clients(site, "alice")
    data = make_bytes(2 * MB)
    where = alice.create_upload(len(data)).headers["Location"]
    alice.send_part(where, 0, data[:MB]).raise_for_status()
    from datetime import timedelta

    from django.utils import timezone

    from chat.attachments import cleanup

    with site.orm():
        a_day_ago = timezone.now() - timedelta(hours=26)
        Upload.objects.update(created_at=a_day_ago, expires_at=a_day_ago + timedelta(hours=72))
        cleanup.clean_up()
    assert alice.get_offset(where) == MB
    alice.send_part(where, MB, data[MB:]).raise_for_status()
    assert alice.http.get(alice.attachment(where)["url"]).content == data


# ── S3 ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def bucket():
    """Returns the S3 service of the tests, and the environment variables with which a website uses this service.

    The service is moto, a Python imitation of S3, which does not check signatures.
    """
    s3 = require_service("s3")
    return s3, {"STORAGE_URL": s3.url, **s3.credentials}


def list_keys(s3) -> list[str]:
    bucket = s3.url.removeprefix("s3://").partition("?")[0]
    return sorted(each["Key"] for each in s3.client().list_objects_v2(Bucket=bucket).get("Contents", ()))


def count_unfinished_uploads(s3) -> int:
    bucket = s3.url.removeprefix("s3://").partition("?")[0]
    return len(s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ()))


def test_s3_parts_survive_kill_9(make_site, upload_clients, bucket):
    s3, environment = bucket
    site = make_site(**environment)
    server = site.start(server="uvicorn")
    alice, mallory = upload_clients(site, "alice", "mallory")
    data = make_bytes(21 * MB + 5)
    before = list_keys(s3)
    where = alice.create_upload(len(data), "big.bin", sha256=sha256(data)).headers["Location"]
    offset = 0
    for length in (3 * MB, 3 * MB, 1, 9 * MB):  # smaller and larger than the minimum size of S3 parts
        part = data[offset : offset + length]
        alice.send_part(where, offset, part, Upload_Checksum=checksum_header(part)).raise_for_status()
        offset += length
    server.kill()
    server.start()
    assert alice.get_offset(where) == offset
    wrong = alice.send_part(where, offset, data[offset:], Upload_Checksum=checksum_header(b"other"))
    assert (wrong.status_code, alice.get_offset(where)) == (460, offset)
    alice.send_part(where, offset, data[offset:]).raise_for_status()
    url = alice.attachment(where)["url"]
    link = alice.http.get(url)
    assert link.status_code == 302 and "X-Amz-Signature" in link.headers["Location"]
    assert "X-Amz-Expires=300" in link.headers["Location"]
    assert sha256(httpx.get(link.headers["Location"]).content) == sha256(data)
    assert mallory.http.get(url).status_code == httpx.get(site.url + url).status_code == 404
    assert (len(list_keys(s3)) - len(before), count_unfinished_uploads(s3)) == (1, 0), (
        "no tail object and no unfinished upload is left"
    )
    assert alice.http.delete(where).status_code == 204


def test_s3_stores_small_files_and_images(make_site, upload_clients, bucket):
    import io

    from PIL import Image

    _s3, environment = bucket
    site = make_site(**environment)
    site.start()
    (alice,) = upload_clients(site, "alice")
    for data in (b"", b"x", make_bytes(1000)):
        attachment = alice.upload(data, "small.bin")
        assert httpx.get(alice.http.get(attachment["url"]).headers["Location"]).content == data
    output = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(output, "PNG")
    shown = alice.send_message(alice.create_group(), alice.upload(output.getvalue(), "teal.png")).json()["attachments"][
        0
    ]
    assert (shown["width"], shown["height"], shown["ready"]) == (640, 480, False)
    process_files_in_s3(site, environment)
    message = alice.http.get(shown["url"])
    assert message.status_code == 302
    picture = Image.open(io.BytesIO(httpx.get(message.headers["Location"]).content))
    assert picture.size == (640, 480)


def process_files_in_s3(site, environment) -> None:
    """Processes all uploaded files that wait for processing, in a separate process with the settings of the website.

    This is what the worker (the process for background tasks) of the website would do.
    """
    from tests.databases import run_manage

    code = (
        "from chat.models import File; from chat.actions import attachments;"
        "[attachments.process_file(pk) for pk in File.objects.filter(state='waiting').values_list('pk', flat=True)]"
    )
    run_manage("shell", "-c", code, **(site.environment | environment))


def test_a_hanging_bucket_returns_503_within_thirty_seconds_and_text_messages_work(make_site, upload_clients, bucket):
    s3, environment = bucket

    from tests.proxy import Proxy

    port = int(s3.url.rpartition(":")[2].partition("&")[0].rstrip("/"))
    with Proxy(port) as line:
        site = make_site(**{**environment, "STORAGE_URL": s3.url.replace(f":{port}", f":{line.port}")})
        site.start(server="uvicorn")
        (alice,) = upload_clients(site, "alice")
        conversation_id = alice.create_group()
        where = alice.create_upload(1000).headers["Location"]
        line.pause()
        started = time.monotonic()
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(alice.send_part(where, 0, make_bytes(1000))))
        thread.start()
        time.sleep(0.2)
        assert alice.at_url(site.url).send_message(conversation_id, body="still here").status_code == 201
        assert not answers  # the upload still waits for the bucket
        thread.join()
        assert time.monotonic() - started < 30
        assert (answers[0].status_code, answers[0].json()["code"]) == (503, "unavailable")
        line.resume()
        assert alice.get_offset(where) == 0
        deadline = time.monotonic() + 10
        while (response := alice.send_part(where, 0, make_bytes(1000))).status_code in (423, 503):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert response.status_code == 204
