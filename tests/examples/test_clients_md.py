"""Tests of docs/clients.md: its commands and its program run as they are printed, against a real server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import uuid

import httpx
import pytest

from tests.databases import ROOT
from tests.servers import PASSWORD

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
SITE = "localhost:8000"


@pytest.fixture
def alice(site):
    """Starts the server. Returns an HTTP client of alice, who has one group, with bob. Its id is 1, as in the page."""
    _, bob = site.create_users("alice", "bob")
    site.start()
    with httpx.Client(base_url=f"{site.url}/api/v1/", timeout=10) as http:
        tokens = http.post("auth/token/", json={"login": "alice", "password": PASSWORD}).raise_for_status().json()
        http.headers["Authorization"] = f"Bearer {tokens['access']}"
        group = http.post("conversations/", json={"kind": "group", "title": "Room", "user_ids": [bob.pk]}).json()
        assert group["id"] == 1
        yield http


def code_of(section: str, language: str, site) -> str:
    """Returns the code blocks of a section of the page, for the address of the test server."""
    text = re.split(r"^## ", PAGE.partition(f"## {section}\n")[2], flags=re.MULTILINE)[0]
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert blocks
    return "\n".join(blocks).replace(SITE, site.url.removeprefix("http://"))


def test_the_commands_upload_send_and_download_a_file(site, alice, tmp_path):
    script = code_of("5. Upload files", "sh", site)
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    offset, upload, message = re.fullmatch(r"(\d+)\n(\{.*?\})(\{.*\})", ended.stdout).groups()
    assert offset == "13" and json.loads(upload)["attachment"]["alt"] == "A note"
    assert (tmp_path / "downloaded.txt").read_text() == "A text file.\n"
    stored = alice.get("conversations/1/messages/").json()["results"][-1]
    assert stored == json.loads(message)
    (attachment,) = stored["attachments"]
    assert (stored["body"], attachment["name"], attachment["size"]) == ("My note", "note.txt", 13)


def test_the_first_command_gets_a_token(site, alice, tmp_path):
    script = code_of("1. Authenticate", "sh", site)
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert set(json.loads(ended.stdout)) == {"access", "refresh", "expires_in"}


def test_the_program_sends_a_message_and_prints_new_ones_while_the_server_is_killed(site, alice, tmp_path):
    (tmp_path / "client.py").write_text(code_of("A complete example", "python", site))
    arguments = [sys.executable, "client.py", "bob", PASSWORD, "1", "Hello from a client."]
    output = tmp_path / "output"
    with open(output, "w") as log:
        program = subprocess.Popen(arguments, cwd=tmp_path, stdout=log, stderr=subprocess.DEVNULL)
    try:
        wait_for_line(output, "bob Hello from a client.")
        send(alice, "while you listen")
        wait_for_line(output, "alice while you listen")
        invite_bob_to_another_group(alice)
        send(alice, "in another group", 2)
        wait_for_line(output, "alice in another group")
        site.servers[0].kill()
        site.servers[0].start()
        send(alice, "after the server was killed")
        wait_for_line(output, "alice after the server was killed")
        printed = [line.split(" ", 3)[2:] for line in output.read_text().splitlines()]
        assert printed == [
            ["bob", "Hello from a client."],
            ["alice", "while you listen"],
            ["alice", "in another group"],
            ["alice", "after the server was killed"],
        ]
    finally:
        program.kill()
        program.wait()


def invite_bob_to_another_group(alice) -> None:
    bob = alice.get("users/?q=bob").json()["results"][0]["id"]
    assert alice.post("conversations/", json={"kind": "group", "title": "Other", "user_ids": [bob]}).json()["id"] == 2


def send(alice, body: str, conversation_id: int = 1) -> None:
    message = {"client_id": str(uuid.uuid4()), "body": body}
    assert alice.post(f"conversations/{conversation_id}/messages/", json=message).status_code == 201


def wait_for_line(path, end: str) -> None:
    deadline = time.monotonic() + 60
    while not any(line.endswith(end) for line in path.read_text().splitlines()):
        assert time.monotonic() < deadline, f"{end!r} is missing in {path.read_text()!r}"
        time.sleep(0.1)


def test_the_statuses_of_uploads_are_listed():
    section = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8").partition("### Uploads")[2]
    listed = set(re.findall(r"^\| (\d+) \|", section.partition("### ")[0], flags=re.MULTILINE))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "chat" / "attachments").rglob("*.py")]
    raised = {status for text in sources for status in re.findall(r"UploadError\((\d+)", text)}
    assert raised and raised <= listed
