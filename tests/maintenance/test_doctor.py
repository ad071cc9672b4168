"""Tests of `doctor`: each fault of a site is injected, found and named, with advice."""

from __future__ import annotations

import resource
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.utils import timezone

from messenger.maintenance.doctor import Finding, clocks, machine, public_site, services
from tests.conftest import require_program
from tests.databases import run_manage, using_database
from tests.processes import Program


def faults(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    """Returns level and text of all findings that are not ok. Each has advice."""
    found = [finding for finding in findings if finding.level != "ok"]
    assert all(finding.advice for finding in found)
    return [(finding.level, f"{finding.part}: {finding.text} {finding.advice}") for finding in found]


def the_fault(findings: Iterator[Finding], level: str, *words: str) -> None:
    """Asserts that there is exactly one fault, of this level, whose text and advice contain these words."""
    ((found_level, text),) = faults(findings)
    assert found_level == level, text
    for word in words:
        assert word in text


@contextmanager
def tcp_server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Runs a TCP server that calls `answer` for each connection. Provides its port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            answer(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def http_server(status: str, *headers: str):
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        lines = [f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode())

    return tcp_server(answer)


# ── The whole ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_good_site_has_no_errors(make_site):
    site = make_site(database="postgres", redis=True, proxied=True)
    site.start()
    printed = site.manage("doctor")
    assert "No errors" in printed, printed
    for part in ("settings", "SECRET_KEY", "data folder", "static files", "limits", "database", "migrations", "worker"):
        assert f" {part}: " in printed, part
    for part in ("Redis", "storage", "mail", "clock", "public URL", "WebSocket"):
        assert f" {part}: " in printed, part


def test_a_site_with_faults_ends_with_status_1_and_goes_on_after_the_first(make_site):
    site = make_site(REDIS_URL="redis://127.0.0.1:1/0", EMAIL_URL="smtp://127.0.0.1:1")
    with pytest.raises(RuntimeError) as failed:
        site.manage("doctor", "--offline")
    assert "2 errors" in str(failed.value)
    assert "error    Redis: " in str(failed.value)
    assert "error    mail: " in str(failed.value)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "x"}, "SECRET_KEY can be guessed"),
        ({"SITE_URL": "chat.example.org"}, "SITE_URL must be an http or https address"),
    ],
)
def test_settings_that_cannot_be_loaded_are_named_without_a_traceback(variables, message, tmp_path):
    with pytest.raises(RuntimeError) as failed:
        run_manage("doctor", DATA_DIR=str(tmp_path), **variables)
    assert message in str(failed.value)
    assert "Traceback" not in str(failed.value)


# ── This machine ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_invalid_settings_are_named(settings):
    settings.TRUSTED_PROXIES = ["nonsense"]
    texts = [text for level, text in faults(machine.check_settings()) if level == "error"]
    assert len(texts) == 1
    assert "TRUSTED_PROXIES contains 'nonsense'" in texts[0]


def test_plain_http_is_one_warning_that_names_site_url(settings):
    settings.SITE_URL, settings.SECURE, settings.EMAIL_URL, settings.LIMITS = (
        "http://chat.example.org",
        False,
        "x",
        True,
    )
    the_fault(machine.check_settings(), "warning", "SITE_URL is http://chat.example.org", "https")


def test_a_readable_secret_key_is_named(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    monkeypatch.delenv("SECRET_KEY")
    (tmp_path / "secret_key").touch(0o644)
    the_fault(machine.check_secret_key(), "error", "other users of this machine can read", "chmod 600")


def test_a_bad_data_folder_is_named(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path / "nowhere"
    the_fault(machine.check_data_folder(), "error", "cannot be written", "DATA_DIR")
    settings.DATA_DIR = tmp_path
    tmp_path.chmod(0o755)
    the_fault(machine.check_data_folder(), "warning", "all users of this machine can read", "chmod o-rwx")
    tmp_path.chmod(0o700)
    with monkeypatch.context() as patch:
        patch.setattr(machine.os, "geteuid", lambda: 54321)
        the_fault(machine.check_data_folder(), "warning", "this command runs as 54321", "Run all commands as")
    monkeypatch.setattr(machine, "RESERVED_BYTES", 2**62)
    the_fault(machine.check_data_folder(), "error", "uploads are refused", "larger disk")


def test_missing_static_files_are_named(settings, tmp_path):
    from django.contrib.staticfiles.storage import staticfiles_storage

    the_fault(machine.check_static_files(), "error", "pages cannot be shown", "messenger collectstatic")
    settings.STATIC_ROOT = tmp_path
    staticfiles_storage.hashed_files = {"js/app.js": "js/app.123.js"}
    try:
        the_fault(machine.check_static_files(), "error", "are missing", "messenger collectstatic")
    finally:
        del staticfiles_storage.hashed_files


def test_a_low_limit_of_open_files_is_named(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _limit: (1024, 4096))
    the_fault(machine.check_limits(), "warning", "may open 1024 files", "LimitNOFILE", "ulimit -n 4096")


def test_a_wrong_clock_is_named(monkeypatch):
    monkeypatch.setattr(clocks, "now", lambda: time.time() - 120)
    the_fault(clocks.compare("Redis", time.time()), "error", "the clock of Redis differs by +120 s", "chrony")


# ── Services ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_unreachable_database_is_named(django_db_blocker):
    with django_db_blocker.unblock(), using_database("postgres://nobody@127.0.0.1:1/x"):
        the_fault(services.check_database(), "error", "database: 127.0.0.1:", "DATABASE_URL")


@pytest.mark.django_db
def test_missing_and_unknown_migrations_are_named():
    from django.db.migrations.recorder import MigrationRecorder

    applied = MigrationRecorder.Migration.objects
    future = applied.create(app="chat", name="9999_future")
    the_fault(services._migrations(), "error", "newer version (chat.9999_future)", "Install that version")
    future.delete()
    applied.filter(app="presence").delete()
    applied.filter(app="accounts").order_by("-pk")[:1].get().delete()
    the_fault(services._migrations(), "error", "not applied", "messenger migrate")


def test_second_factors_that_cannot_be_read_are_counted(alice, settings):
    RecoveryCodes.activate(alice)
    assert faults(services._second_factors()) == []
    settings.SECRET_KEY = "another key than the one with which the codes of alice were stored"
    the_fault(services._second_factors(), "error", "those of 1 accounts cannot be read", "remove_second_factors")


@pytest.mark.django_db
def test_background_tasks_that_nobody_executes_are_named():
    from django_tasks_db.models import DBTaskResult

    from messenger.tasks import clear_sessions

    clear_sessions.enqueue()
    assert faults(services._worker()) == []
    long_ago = timezone.now() - timedelta(minutes=10)
    DBTaskResult.objects.update(enqueued_at=long_ago, run_after=long_ago)
    the_fault(services._worker(), "error", "1 background tasks", "messenger worker")


def test_an_unreachable_or_frozen_redis_is_named(settings, redis_server):
    settings.REDIS_URL = redis_server.url
    assert faults(services.check_redis()) == []
    redis_server.pause()
    the_fault(services.check_redis(), "error", "Redis: 127.0.0.1: Timeout", "REDIS_URL")
    redis_server.resume()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    the_fault(services.check_redis(), "error", "Redis: 127.0.0.1: Error", "REDIS_URL")


def test_a_folder_for_files_that_cannot_be_written_is_named(settings, tmp_path):
    from django.core.files.storage import storages

    (tmp_path / "media").touch()  # a file where the folder should be
    settings.DATA_DIR = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media"},
        }
    }
    assert storages["default"]
    the_fault(services.check_storage(), "error", "storage: ", "must own the folder")


def test_a_bucket_that_does_not_exist_is_named(make_site, s3):
    site = make_site(**s3.credentials, STORAGE_URL=s3.url.replace(s3.bucket, "nowhere", 1))
    with pytest.raises(RuntimeError) as failed:
        site.manage("doctor", "--offline")
    assert "error    storage: nowhere: " in str(failed.value)
    assert "STORAGE_URL and the keys" in str(failed.value)


def test_an_unreachable_or_refusing_mail_server_is_named(settings):
    settings.EMAIL_URL, settings.EMAIL_HOST, settings.EMAIL_PORT = "smtp://…", "127.0.0.1", 1
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD, settings.EMAIL_TIMEOUT = "messenger", "wrong", 5
    settings.MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    the_fault(services.check_mail(), "error", "mail: 127.0.0.1:1: ", "EMAIL_URL")

    def refuse(connection: socket.socket) -> None:
        connection.sendall(b"220 here\r\n")
        while line := connection.recv(1000):
            greeting = line[:4].upper() == b"EHLO"
            connection.sendall(b"250-here\r\n250 AUTH PLAIN\r\n" if greeting else b"535 unknown user\r\n")

    with tcp_server(refuse) as settings.EMAIL_PORT:
        the_fault(services.check_mail(), "error", "refuses user name or password: unknown user", "EMAIL_URL")


class TurnServer(Program):
    name = "turn"

    def command(self):
        options = ["--realm=example.org", "--use-auth-secret", "--static-auth-secret=right", "--no-cli", "--no-tls"]
        options += ["--no-dtls", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={self.port}"]
        folder = ["--pidfile=turn.pid", "--userdb=turn.db", "--log-file=stdout", "--simple-log"]
        return ["turnserver", "-n", *options, *folder]

    def popen_options(self) -> dict:
        return {"cwd": self.folder}

    def is_ready(self) -> bool:
        """Returns whether the server accepts TCP connections and answers a STUN request over UDP."""
        binding_request = struct.pack("!HHI12s", 1, 0, 0x2112A442, b"a test of it")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.5)
            udp.connect(("127.0.0.1", self.port))
            try:
                udp.send(binding_request)
                udp.recv(1000)
            except OSError:
                return False
        return super().is_ready()


def test_a_turn_server_with_another_secret_is_named(settings, tmp_path):
    require_program("turnserver", "coturn")
    with TurnServer(tmp_path) as server:
        settings.TURN_URLS = [f"turn:127.0.0.1:{server.port}?transport={transport}" for transport in ("udp", "tcp")]
        settings.TURN_SECRET = "right"
        assert faults(services.check_turn()) == []
        settings.TURN_SECRET = "wrong"
        found = faults(services.check_turn())
        assert len(found) == 2
        assert all("refuses: 401" in text and "static-auth-secret" in text for _level, text in found)


def test_a_turn_server_that_does_not_answer_is_named(settings):
    settings.TURN_URLS, settings.TURN_SECRET = ["turn:127.0.0.1:1"], "right"
    the_fault(services.check_turn(), "error", "TURN: turn:127.0.0.1:1: ", "firewall")
    with http_server("400 Bad Request") as port:
        settings.TURN_URLS = [f"turn:127.0.0.1:{port}?transport=tcp"]
        the_fault(services.check_turn(), "error", "is not a TURN server", "TURN_URL")


def test_a_missing_key_of_push_messages_is_named(settings, tmp_path):
    settings.DATA_DIR, settings.VAPID_PRIVATE_KEY = tmp_path, ""
    the_fault(services.check_push(), "warning", "push: is off", "vapid_keys")
    settings.VAPID_PRIVATE_KEY = "a key"
    assert faults(services.check_push()) == []


# ── Public URL ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_site_that_nobody_serves_is_named():
    the_fault(public_site.check("http://127.0.0.1:1"), "error", "public URL: http://127.0.0.1:1: ", "Start the server")
    the_fault(public_site.check("http://nowhere.invalid"), "error", "public URL: ", "DNS")


def test_faults_of_the_proxy_are_named():
    with http_server("502 Bad Gateway") as port:
        the_fault(public_site.check(f"http://127.0.0.1:{port}"), "error", "answers 502", "does not reach the server")
    with http_server("301 Moved Permanently", "Location: /accounts/login/") as port:
        the_fault(public_site.check(f"http://127.0.0.1:{port}"), "error", "to itself", "X-Forwarded-Proto")
    with http_server("200 OK", "Content-Type: text/html") as port:
        found = faults(public_site._style_sheet(f"http://127.0.0.1:{port}", "<h1>It works!</h1>"))
        assert "not a page of the messenger" in found[0][1]
        the_fault(public_site._socket(f"http://127.0.0.1:{port}"), "error", "answers 200 instead of", "Upgrade")


def test_a_host_or_origin_that_does_not_fit_site_url_is_named(site):
    site.start()
    other_host = site.url.replace("127.0.0.1", "127.1")  # the same address, under a name that is not allowed
    the_fault(public_site.check(other_host), "error", "answers 400", "Host", "SITE_URL")
    the_fault(public_site._socket(other_host), "error", "was refused", "SITE_URL is")
    assert faults(public_site.check(site.url)) == []
