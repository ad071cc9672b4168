"""Uploads by tus 1.0: nothing that arrived is lost, nothing that is wrong is kept."""

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
from tests.attachments.conftest import MB, PART, Sender, checksum, noise


@pytest.fixture
def alice(town, senders) -> Sender:
    return senders(town, "alice")[0]


def test_a_client_that_others_wrote_sends_a_file_part_by_part(alice):
    data = noise(5 * MB + 123)
    uploader = alice.tus(data, "Übung 练习.bin")
    uploader.upload()
    whole = alice.attachment(uploader.url)
    assert (whole["name"], whole["size"], whole["kind"]) == ("Übung 练习.bin", len(data), "file")
    assert alice.http.get(whole["url"]).content == data


def test_what_the_server_can_do_is_no_secret(alice):
    said = httpx.options(f"{alice.url}/api/v1/uploads/").headers
    assert said["Tus-Version"] == "1.0.0"
    assert said["Tus-Extension"] == "creation,checksum,expiration,termination"
    assert "sha256" in said["Tus-Checksum-Algorithm"]
    assert int(said["Tus-Max-Size"]) == 1024 * MB


def test_cut_at_sixty_percent_it_goes_on_at_sixty_percent(town, alice):
    """The line breaks in the middle of one request of 10 MB: what came counts."""
    data = noise(10 * MB)
    where = alice.begin(len(data)).headers["Location"]

    def sixty_percent():
        yield data[: 6 * MB]
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError):
        alice.part(where, 0, sixty_percent(), Content_Length=str(len(data)))
    reached = wait_for_offset(alice, where)
    if town.server != "daphne":  # which gives us a request when it is there as a whole; hence parts of a few MB
        assert reached >= 5 * MB
    alice.part(where, reached, data[reached:]).raise_for_status()
    assert sha256(alice.http.get(alice.attachment(where)["url"]).content) == sha256(data)


def test_in_parts_of_a_megabyte_a_cut_costs_one_part(alice):
    data = noise(5 * MB)
    uploader = alice.tus(data)
    uploader.upload(stop_at=3 * MB)
    again = alice.tus(data, url=uploader.url)  # a new process, which knows nothing but the address
    assert again.offset == 3 * MB
    again.upload()
    assert sha256(alice.http.get(alice.attachment(uploader.url)["url"]).content) == sha256(data)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_wrong_part_is_refused_and_only_that_one_sent_again(alice, algorithm):
    data = noise(2 * MB)
    where = alice.begin(len(data)).headers["Location"]
    alice.part(where, 0, data[:MB], Upload_Checksum=checksum(data[:MB], algorithm)).raise_for_status()
    damaged = b"!" + data[MB + 1 :]
    answer = alice.part(where, MB, damaged, Upload_Checksum=checksum(data[MB:], algorithm))
    assert answer.status_code == 460
    assert alice.offset(where) == MB
    answer = alice.part(where, MB, data[MB:], Upload_Checksum=checksum(data[MB:], algorithm))
    assert answer.status_code == 204
    assert alice.http.get(alice.attachment(where)["url"]).content == data


def test_the_whole_is_compared_with_the_sha256_that_was_declared(alice):
    data = noise(MB)
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    where = alice.begin(len(data)).headers["Location"]
    answer = alice.part(where, 0, data, Repr_Digest=f"sha-256=:{digest}:")
    assert answer.status_code == 204
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert alice.http.head(where).headers["Upload-Attachment"] == str(alice.attachment(where)["id"])

    where = alice.begin(len(data)).headers["Location"]
    for digest in (b"short", b"x" * 500):
        said = f"sha-256=:{base64.b64encode(digest).decode()}:"
        assert alice.part(where, 0, data, Repr_Digest=said).status_code == 400

    where = alice.begin(len(data), sha256=hashlib.sha256(b"something else").hexdigest()).headers["Location"]
    assert alice.part(where, 0, data).status_code == 460
    assert alice.http.head(where).status_code == 404  # nothing of it is left


def test_zero_bytes_and_one_byte_are_files_too(alice):
    for data in (b"", b"x"):
        whole = alice.upload(data, "small.txt")
        assert whole["size"] == len(data)
        assert alice.http.get(whole["url"]).content == data


def test_an_offset_that_is_not_the_servers_is_a_conflict(alice):
    data = noise(MB)
    where = alice.begin(len(data)).headers["Location"]
    assert alice.part(where, 5, data[5:]).status_code == 409
    assert alice.part(where, 0, data[: MB // 2]).status_code == 204
    assert alice.part(where, 0, data).status_code == 409
    assert alice.offset(where) == MB // 2


def test_two_requests_at_once_are_never_mixed(town, alice):
    if town.server == "daphne":
        pytest.skip("daphne gives us a request when all of it is there")
    data = noise(4 * MB)
    where = alice.begin(len(data)).headers["Location"]
    first_came, go_on = threading.Event(), threading.Event()

    def slowly():
        yield data[: 2 * MB]
        first_came.set()
        go_on.wait(10)
        yield data[2 * MB :]

    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(alice.part(where, 0, slowly()).status_code))
    thread.start()
    first_came.wait(10)
    answer = alice.at(town.url).part(where, 0, data)
    go_on.set()
    thread.join()
    assert answer.status_code == 423
    assert answers == [204]
    assert alice.http.get(alice.attachment(where)["url"]).content == data


def test_more_bytes_than_declared_are_refused_before_they_come(alice):
    where = alice.begin(100).headers["Location"]
    assert alice.part(where, 0, noise(101)).status_code == 413
    assert alice.offset(where) == 0
    endless = (noise(60) for _ in range(5))
    assert alice.part(where, 0, endless, Transfer_Encoding="chunked").status_code == 413


def test_an_upload_that_was_given_up_is_gone(alice):
    data = noise(MB)
    where = alice.begin(len(data)).headers["Location"]
    alice.part(where, 0, data[:1000])
    assert alice.http.delete(where).status_code == 204
    assert alice.http.head(where).status_code == 404
    assert alice.part(where, 1000, data[1000:]).status_code == 404


def test_an_upload_says_until_when_it_waits(alice):
    answer = alice.begin(10)
    assert answer.status_code == 201
    assert answer.headers["Upload-Expires"].endswith("GMT")


def test_another_persons_upload_is_not_there(town, senders, alice):
    (mallory,) = senders(town, "mallory")
    where = alice.begin(10).headers["Location"]
    never = "/api/v1/uploads/never-was-there/"
    for ask in (mallory.http.head, mallory.http.get, mallory.http.delete):
        assert ask(where).status_code == ask(never).status_code == 404
    assert mallory.part(where, 0, b"0123456789").status_code == mallory.part(never, 0, b"x").status_code == 404
    nobody = httpx.patch(f"{town.url}{where}", content=b"0123456789", headers={"Upload-Offset": "0"})
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
    assert alice.offset(where) == 0


def test_a_browser_needs_its_csrf_token_for_a_part(town, alice):
    with town.orm():
        session = Client()
        session.force_login(User.objects.get(username="alice"))
    token = "x" * 32
    cookies = {"sessionid": session.cookies["sessionid"].value, "csrftoken": token}
    where = alice.begin(4).headers["Location"]
    said = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": PART, "Origin": town.url}
    with httpx.Client(base_url=town.url, cookies=cookies) as browser:
        assert browser.patch(where, content=b"abcd", headers=said).status_code == 403
        said["X-CSRFToken"] = token
        assert browser.patch(where, content=b"abcd", headers=said).status_code == 204


def test_rubbish_is_refused_and_nothing_breaks(alice):
    assert alice.http.post("/api/v1/uploads/", headers={"Upload-Length": "-1"}).status_code == 400
    assert alice.http.post("/api/v1/uploads/").status_code == 400
    assert alice.http.post("/api/v1/uploads/", headers={"Upload-Defer-Length": "1"}).status_code == 400
    bad = {"Upload-Length": "1", "Upload-Metadata": "filename ***"}
    assert alice.http.post("/api/v1/uploads/", headers=bad).status_code == 400
    assert alice.http.post("/api/v1/uploads/", headers={"Tus-Resumable": "0.2"}).status_code == 412
    where = alice.begin(4).headers["Location"]
    assert alice.part(where, 0, b"abcd", Tus_Resumable="2.0.0").status_code == 412
    assert alice.part(where, 0, b"abcd", Content_Type="text/plain").status_code == 415
    assert alice.part(where, 0, b"abcd", Upload_Offset="four").status_code == 400
    assert alice.part(where, 0, b"abcd", Upload_Checksum="md5 abcd").status_code == 400
    assert alice.part(where, 0, b"abcd", Upload_Checksum="sha256 ***").status_code == 400
    assert alice.offset(where) == 0
    override = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", "Content-Type": PART}
    assert alice.http.post(where, content=b"abcd", headers=override).status_code == 204


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wait_for_offset(sender: Sender, where: str) -> int:
    """Where it stands once the server has noticed that the line broke."""
    before = -1
    for _ in range(20):
        reached = sender.offset(where)
        if reached == before and reached:
            break
        before = reached
        time.sleep(0.1)
    return before


def test_under_daphne_no_request_is_larger_than_what_memory_is_meant_for(town, alice):
    """daphne would hold all of it; uvicorn takes it as it comes."""
    if town.server != "daphne":
        pytest.skip("uvicorn streams")
    where = alice.begin(100 * MB).headers["Location"]
    try:
        answer = alice.part(where, 0, noise(MB) * 70)
    except httpx.HTTPError:
        pass  # the line was closed while it was still being sent
    else:
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert alice.at(town.url).offset(where) == 0


def test_the_servers_memory_does_not_grow_with_what_is_sent(town, alice):
    """uvicorn streams; what daphne gathers stays in its file until it is read."""
    piece = noise(MB) * 50

    def send() -> None:
        where = alice.begin(len(piece)).headers["Location"]
        alice.part(where, 0, piece).raise_for_status()
        assert sha256(alice.http.get(alice.attachment(where)["url"]).content) == sha256(piece)

    alice.upload(noise(MB))
    before, most, done = memory(town), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            most[0] = max(most[0], memory(town))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        send()
    finally:
        done.set()
        watcher.join()
    assert most[0] - before < 25 * MB


def test_nor_with_what_a_slow_reader_has_not_taken(town, alice):
    data = noise(MB) * 60
    where = alice.begin(len(data)).headers["Location"]
    alice.part(where, 0, data).raise_for_status()
    url = alice.attachment(where)["url"]
    before = memory(town)
    with alice.http.stream("GET", url) as answer:
        pieces = answer.iter_bytes(MB)
        read = [next(pieces)]
        time.sleep(2)  # as long as all of it would take
        assert memory(town) - before < 25 * MB
        read.extend(pieces)
    assert sha256(b"".join(read)) == sha256(data)


def memory(town) -> int:
    """Bytes that the processes of the site hold."""
    total = 0
    for pid in family(town.servers[0].process.pid):
        with suppress(OSError):  # it has ended
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    return total


def family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(each for child in children for each in family(int(child)))]
