"""Tests of the replay tool, which sends a recorded day of chat to a real server through pages, API and WebSocket.

In one test the server is killed while the tool is sending.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import ROOT
from tests.servers import PASSWORD
from tools.irc_replay import log_parser, runner
from tools.irc_replay.__main__ import main
from tools.irc_replay.runner import Replay, Report

DAY = Path(__file__).parent / "day.txt"


def make_replay(site, *days: log_parser.DayLog, **options) -> Replay:
    defaults = {"speed": 0, "password": PASSWORD, "retry_seconds": 40}
    return Replay(site.url, days or [log_parser.read_log(DAY)], **{**defaults, **options})


def stored_bodies(site, title: str) -> list[str]:
    from chat.models import Message

    with site.orm():
        rows = Message.objects.filter(conversation__title=title, kind="text").order_by("seq")
        return list(rows.values_list("body", flat=True))


async def test_each_message_is_stored_once_and_in_order_although_the_server_is_killed(site, each_server):
    server = await asyncio.to_thread(site.start, each_server)
    replay = make_replay(site)
    running = asyncio.create_task(replay.run())
    for message_count in (20, 45):
        while replay.report.messages < message_count and not running.done():
            await asyncio.sleep(0.01)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
    report = await running

    assert report.is_successful, report.format()
    day = log_parser.read_log(DAY)
    expected = [entry.text for entry in day.entries if entry.kind == "message"]
    assert report.messages == len(expected) == 60
    assert await asyncio.to_thread(stored_bodies, site, "day") == expected
    assert report.reconnects >= 1 and report.retries >= 2  # one, if the second kill came before the client reconnected
    assert report.membership_changes == 10  # 8 users join; one of them leaves and joins again
    used_often = {entry_point for entry_point, number in report.by_entry_point.items() if number > 5}
    assert used_often == set(runner.ENTRY_POINTS)
    assert len({user.username for user in replay.users.values()}) == len(day.nicks)


async def test_a_rate_limited_sender_waits_as_long_as_the_server_asks(site, tmp_path):
    await asyncio.to_thread(site.start, LIMITS="on")
    file = tmp_path / "fast.txt"
    file.write_text("\n".join(f"[10:00] <quick> line {number}" for number in range(18)))
    report = await make_replay(site, log_parser.read_log(file)).run()
    assert report.is_successful, report.format()
    assert report.requested_waits > 0
    assert report.seconds > 3  # the limit is 10 messages at once, then 2 per second


async def test_several_days_share_their_users(site, tmp_path):
    await asyncio.to_thread(site.start)
    days = []
    for name in ("one", "two", "three"):
        file = tmp_path / f"{name}.txt"
        file.write_text("\n".join(f"[10:00] <{'alice' if n % 2 else 'bob'}> {name} {n}" for n in range(12)))
        days.append(log_parser.read_log(file))
    report = await make_replay(site, *days).run()
    assert report.is_successful, report.format()
    assert (report.groups, report.users, report.messages) == (3, 2, 36)
    for name in ("one", "two", "three"):
        assert await asyncio.to_thread(stored_bodies, site, name) == [f"{name} {n}" for n in range(12)]


async def test_a_second_replay_reuses_its_users(site, tmp_path):
    await asyncio.to_thread(site.start)
    file = tmp_path / "again.txt"
    file.write_text("[10:00] <alice> hello\n[10:00] <bob> hello")
    first = make_replay(site, log_parser.read_log(file))
    assert (await first.run()).is_successful
    second = make_replay(site, log_parser.read_log(file), entry_points=["form"])
    assert (await second.run()).is_successful
    assert [user.id for user in first.users.values()] == [user.id for user in second.users.values()]


async def test_speed_is_respected(site, tmp_path):
    await asyncio.to_thread(site.start)
    file = tmp_path / "slow.txt"
    file.write_text("[10:00] <alice> now\n[10:02] <alice> two minutes later")
    report = await make_replay(site, log_parser.read_log(file), speed=60, entry_points=["api"]).run()
    assert report.is_successful and 2 <= report.seconds < 60


async def test_differences_are_reported(site, tmp_path, monkeypatch):
    await asyncio.to_thread(site.start)
    file = tmp_path / "few.txt"
    file.write_text("\n".join(f"[10:00] <alice> {number}" for number in range(5)))
    load_texts = Replay._load_texts

    async def load_wrong_texts(self, conversation_id):
        texts = await load_texts(self, conversation_id)
        return [*texts[:1], *texts[3:1:-1], texts[4], texts[4]]

    monkeypatch.setattr(Replay, "_load_texts", load_wrong_texts)
    monkeypatch.setattr(runner, "CATCH_UP_TIMEOUT", 0.2)
    report = await make_replay(site, log_parser.read_log(file)).run()
    assert (report.missing, report.duplicates, report.is_order_equal, report.is_screen_equal) == (1, 1, False, False)
    assert not report.is_successful and "DIFFERENT" in report.format()


@pytest.mark.parametrize("difference", [{"missing": 1}, {"duplicates": 1}, {"foreign": 1}, {"violations": ["x"]}])
def test_a_report_is_successful_only_without_differences(difference):
    assert Report().is_successful
    assert not Report(**difference).is_successful


# ── The program ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def small_log(tmp_path) -> Path:
    file = tmp_path / "little.txt"
    file.write_text("[10:00] <alice> hello\n[10:00] <bob> 你好")
    return file


@pytest.mark.parametrize("option", ["--entry-points", "--doors"])
def test_the_program_replays_a_file(site, small_log, option):
    site.start()
    program = [sys.executable, "-m", "tools.irc_replay", str(small_log), "--url", site.url, "--speed", "0"]
    done = subprocess.run([*program, option, "socket,form"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "2 in 1 groups by 2 people" in done.stdout and "order         equal" in done.stdout
    assert stored_bodies(site, "little") == ["hello", "你好"]


def test_the_program_reports_errors(tmp_path, small_log, capsys):
    for arguments, error in (
        ([small_log, "--entry-points", "window"], "a list of these"),
        ([tmp_path / "x"], "No such"),
    ):
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        assert exit_.value.code == 2
        assert error in capsys.readouterr().err
    assert main([str(small_log), "--url", "http://127.0.0.1:9", "--patience", "0.2"]) == 1
    assert "Given up" in capsys.readouterr().err


def test_the_exit_status_is_1_if_something_differs(small_log, monkeypatch, capsys):
    async def run(self):
        return Report(missing=1)

    monkeypatch.setattr(Replay, "run", run)
    assert main([str(small_log)]) == 1
    assert "differs" in capsys.readouterr().err


def test_the_program_imports_nothing_of_the_server():
    code = "import sys, tools.irc_replay.__main__; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"django", "accounts", "chat", "messenger", "presence"} & set(done.stdout.split())
