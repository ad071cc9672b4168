"""Uploads under fault: a killed server, a line that breaks, a bucket that hangs, another day."""

from __future__ import annotations

import hashlib
import threading
import time

import httpx
import pytest

from chat.models import Upload
from tests.attachments.conftest import MB, checksum, noise
from tests.conftest import real
from tests.proxy import UP

pytestmark = pytest.mark.faults


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_after_kill_9_it_goes_on_where_the_server_says(site, senders, each_server):
    """Parts with checksums that were acknowledged are there; the SHA-256 of the whole needs no memory of the server."""
    server = site.start(server=each_server)
    (alice,) = senders(site, "alice")
    data = noise(6 * MB)
    where = alice.begin(len(data), "big.bin", sha256=sha256(data)).headers["Location"]
    for start in range(0, 4 * MB, MB):
        part = data[start : start + MB]
        alice.part(where, start, part, Upload_Checksum=checksum(part)).raise_for_status()
    server.kill()
    server.start()
    assert alice.offset(where) == 4 * MB
    alice.part(where, 4 * MB, data[4 * MB :]).raise_for_status()
    whole = alice.attachment(where)
    assert sha256(alice.http.get(whole["url"]).content) == sha256(data)


def test_killed_in_the_middle_of_a_part_nothing_half_counts(site, senders):
    """What lies beyond the acknowledged bytes is written over."""
    server = site.start(server="uvicorn")
    (alice,) = senders(site, "alice")
    data = noise(30 * MB)
    where = alice.begin(len(data)).headers["Location"]
    sent, killed = threading.Event(), threading.Event()

    def slowly():
        for start in range(0, 18 * MB, MB):
            yield data[start : start + MB]
        sent.set()
        killed.wait(30)
        yield data[18 * MB :]

    def send():
        with pytest.raises(httpx.HTTPError):
            alice.part(where, 0, slowly(), Content_Length=str(len(data)))

    thread = threading.Thread(target=send)
    thread.start()
    assert sent.wait(20)
    time.sleep(0.3)
    server.kill()
    killed.set()
    thread.join()
    server.start()
    reached = alice.offset(where)
    assert 8 * MB <= reached <= 18 * MB, "at most a block of 8 MB comes again"
    deadline = time.monotonic() + 10  # the dead request's lease runs out
    while (answer := alice.part(where, reached, data[reached:])).status_code == 423:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert answer.status_code == 204
    assert sha256(alice.http.get(alice.attachment(where)["url"]).content) == sha256(data)


def test_a_line_that_is_cut_at_sixty_percent_goes_on_there(make_site, senders):
    site = make_site(proxied=True)
    site.start(server="uvicorn")
    (alice,) = senders(site, "alice")
    data = noise(10 * MB)
    where = alice.begin(len(data)).headers["Location"]
    site.proxy.cut_after(6 * MB, UP)
    with pytest.raises(httpx.HTTPError):
        alice.part(where, 0, data)
    time.sleep(0.5)
    alice = alice.at(site.url)
    reached = alice.offset(where)
    assert 5 * MB <= reached <= 6 * MB
    alice.part(where, reached, data[reached:]).raise_for_status()
    assert sha256(alice.http.get(alice.attachment(where)["url"]).content) == sha256(data)


def test_on_another_day_it_goes_on_too(site, senders):
    site.start()
    (alice,) = senders(site, "alice")
    data = noise(2 * MB)
    where = alice.begin(len(data)).headers["Location"]
    alice.part(where, 0, data[:MB]).raise_for_status()
    from datetime import timedelta

    from django.utils import timezone

    from chat.attachments import cleanup

    with site.orm():
        a_day_ago = timezone.now() - timedelta(hours=26)
        Upload.objects.update(created_at=a_day_ago, expires_at=a_day_ago + timedelta(hours=72))
        cleanup.sweep()
    assert alice.offset(where) == MB
    alice.part(where, MB, data[MB:]).raise_for_status()
    assert alice.http.get(alice.attachment(where)["url"]).content == data


# ── In a bucket ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def bucket():
    """S3 as moto speaks it: no signature is checked there."""
    s3 = real("s3")
    return s3, {"STORAGE_URL": s3.url, **s3.credentials}


def keys(s3) -> list[str]:
    bucket = s3.url.removeprefix("s3://").partition("?")[0]
    return sorted(each["Key"] for each in s3.client().list_objects_v2(Bucket=bucket).get("Contents", ()))


def unfinished(s3) -> int:
    bucket = s3.url.removeprefix("s3://").partition("?")[0]
    return len(s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ()))


def test_in_a_bucket_parts_arrive_as_they_are_sent_and_survive_kill_9(make_site, senders, bucket):
    s3, environment = bucket
    site = make_site(**environment)
    server = site.start(server="uvicorn")
    alice, mallory = senders(site, "alice", "mallory")
    data = noise(21 * MB + 5)
    before = keys(s3)
    where = alice.begin(len(data), "big.bin", sha256=sha256(data)).headers["Location"]
    offset = 0
    for length in (3 * MB, 3 * MB, 1, 9 * MB):  # less than S3 takes as a part, and more
        part = data[offset : offset + length]
        alice.part(where, offset, part, Upload_Checksum=checksum(part)).raise_for_status()
        offset += length
    server.kill()
    server.start()
    assert alice.offset(where) == offset
    wrong = alice.part(where, offset, data[offset:], Upload_Checksum=checksum(b"other"))
    assert (wrong.status_code, alice.offset(where)) == (460, offset)
    alice.part(where, offset, data[offset:]).raise_for_status()
    url = alice.attachment(where)["url"]
    link = alice.http.get(url)
    assert link.status_code == 302 and "X-Amz-Signature" in link.headers["Location"]
    assert "X-Amz-Expires=300" in link.headers["Location"]
    assert sha256(httpx.get(link.headers["Location"]).content) == sha256(data)
    assert mallory.http.get(url).status_code == httpx.get(site.url + url).status_code == 404
    assert (len(keys(s3)) - len(before), unfinished(s3)) == (1, 0), "no tail, no unfinished upload is left"
    assert alice.http.delete(where).status_code == 204


def test_in_a_bucket_small_files_and_pictures_work_alike(make_site, senders, bucket):
    import io

    from PIL import Image

    _s3, environment = bucket
    site = make_site(**environment)
    site.start()
    (alice,) = senders(site, "alice")
    for data in (b"", b"x", noise(1000)):
        whole = alice.upload(data, "small.bin")
        assert httpx.get(alice.http.get(whole["url"]).headers["Location"]).content == data
    written = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(written, "PNG")
    shown = alice.send(alice.room(), alice.upload(written.getvalue(), "teal.png")).json()["attachments"][0]
    assert (shown["width"], shown["height"], shown["ready"]) == (640, 480, False)
    draw_in_bucket(site, environment)
    message = alice.http.get(shown["url"])
    assert message.status_code == 302
    picture = Image.open(io.BytesIO(httpx.get(message.headers["Location"]).content))
    assert picture.size == (640, 480)


def draw_in_bucket(site, environment) -> None:
    """The worker's round, in a process with the site's settings."""
    from tests.databases import run_manage

    code = (
        "from chat.models import File; from chat.attachments import processing;"
        "[processing.prepare(pk) for pk in File.objects.filter(state='waiting').values_list('pk', flat=True)]"
    )
    run_manage("shell", "-c", code, **(site.environment | environment))


def test_a_bucket_that_hangs_refuses_files_within_thirty_seconds_and_text_goes_on(make_site, senders, bucket):
    s3, environment = bucket

    from tests.proxy import Proxy

    port = int(s3.url.rpartition(":")[2].partition("&")[0].rstrip("/"))
    with Proxy(port) as line:
        site = make_site(**{**environment, "STORAGE_URL": s3.url.replace(f":{port}", f":{line.port}")})
        site.start(server="uvicorn")
        (alice,) = senders(site, "alice")
        room = alice.room()
        where = alice.begin(1000).headers["Location"]
        line.pause()
        began = time.monotonic()
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(alice.part(where, 0, noise(1000))))
        thread.start()
        time.sleep(0.2)
        assert alice.at(site.url).send(room, body="still here").status_code == 201
        assert time.monotonic() - began < 3
        thread.join()
        assert time.monotonic() - began < 30
        assert (answers[0].status_code, answers[0].json()["code"]) == (503, "unavailable")
        line.resume()
        assert alice.offset(where) == 0
        deadline = time.monotonic() + 10
        while (answer := alice.part(where, 0, noise(1000))).status_code in (423, 503):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert answer.status_code == 204
