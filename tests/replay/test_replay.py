"""A made-up day through the public doors of a real server, which is killed in the middle of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.servers import PASSWORD
from tools.irc_replay import log_parser, runner
from tools.irc_replay.runner import Replay, Report

DAY = Path(__file__).parent / "day.txt"


def replay(site, *days: log_parser.Day, **options) -> Replay:
    return Replay(
        site.url, days or [log_parser.read(DAY)], **{"speed": 0, "password": PASSWORD, "patience": 40, **options}
    )


def stored(site, title: str) -> list[str]:
    from chat.models import Message

    with site.orm():
        rows = Message.objects.filter(conversation__title=title, kind="text").order_by("seq")
        return list(rows.values_list("body", flat=True))


async def test_every_line_once_and_in_order_though_the_server_is_killed(site, each_server):
    server = await asyncio.to_thread(site.start, each_server)
    playing = replay(site)
    running = asyncio.create_task(playing.run())
    for lines in (20, 45):
        while playing.report.lines < lines and not running.done():
            await asyncio.sleep(0.01)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
    report = await running

    assert report.good, report.words()
    day = log_parser.read(DAY)
    expected = [each.text for each in day.happenings if each.what == "says"]
    assert report.lines == len(expected) == 60
    assert await asyncio.to_thread(stored, site, "day") == expected
    assert report.reconnects >= 1 and report.retries >= 2  # it may be killed again before the watcher is back
    assert report.members == 10  # eight come, one goes and comes again
    assert {door for door, number in report.by_door.items() if number > 5} == set(runner.DOORS)
    assert len({person.username for person in playing.people.values()}) == len(day.nicks)


async def test_whoever_is_too_fast_waits_as_the_server_says(site, tmp_path):
    await asyncio.to_thread(site.start, LIMITS="on")
    file = tmp_path / "fast.txt"
    file.write_text("\n".join(f"[10:00] <quick> line {number}" for number in range(18)))
    report = await replay(site, log_parser.read(file)).run()
    assert report.good, report.words()
    assert report.asked_to_wait > 0
    assert report.seconds > 3  # ten at once, then two a second


async def test_several_days_at_once_share_their_people(site, tmp_path):
    await asyncio.to_thread(site.start)
    days = []
    for name in ("one", "two", "three"):
        file = tmp_path / f"{name}.txt"
        file.write_text("\n".join(f"[10:00] <{'alice' if n % 2 else 'bob'}> {name} {n}" for n in range(12)))
        days.append(log_parser.read(file))
    report = await replay(site, *days).run()
    assert report.good, report.words()
    assert (report.groups, report.people, report.lines) == (3, 2, 36)
    for name in ("one", "two", "three"):
        assert await asyncio.to_thread(stored, site, name) == [f"{name} {n}" for n in range(12)]


async def test_a_second_replay_finds_its_people_again(site, tmp_path):
    await asyncio.to_thread(site.start)
    file = tmp_path / "again.txt"
    file.write_text("[10:00] <alice> hello\n[10:00] <bob> hello")
    first = replay(site, log_parser.read(file))
    assert (await first.run()).good
    second = replay(site, log_parser.read(file), doors=["form"])
    assert (await second.run()).good
    assert [p.id for p in first.people.values()] == [p.id for p in second.people.values()]


async def test_speed(site, tmp_path):
    await asyncio.to_thread(site.start)
    file = tmp_path / "slow.txt"
    file.write_text("[10:00] <alice> now\n[10:02] <alice> two minutes later")
    report = await replay(site, log_parser.read(file), speed=60, doors=["api"]).run()
    assert report.good and 2 <= report.seconds < 6


async def test_what_differs_is_said(site, tmp_path, monkeypatch):
    await asyncio.to_thread(site.start)
    file = tmp_path / "few.txt"
    file.write_text("\n".join(f"[10:00] <alice> {number}" for number in range(5)))
    load = Replay._load

    async def lossy(self, conversation_id):
        texts = await load(self, conversation_id)
        return [*texts[:1], *texts[3:1:-1], texts[4], texts[4]]

    monkeypatch.setattr(Replay, "_load", lossy)
    monkeypatch.setattr(runner, "CATCHES_UP_WITHIN", 0.2)
    report = await replay(site, log_parser.read(file)).run()
    assert (report.missing, report.duplicates, report.order_equal, report.screens_equal) == (1, 1, False, False)
    assert not report.good and "DIFFERENT" in report.words()


@pytest.mark.parametrize("wrong", [{"missing": 1}, {"duplicates": 1}, {"foreign": 1}, {"wrong": ["x"]}])
def test_a_report_is_good_only_if_all_is(wrong):
    assert Report().good
    assert not Report(**wrong).good


def test_the_command(site, tmp_path):
    site.start()
    file = tmp_path / "little.txt"
    file.write_text("[10:00] <alice> hello\n[10:00] <bob> 你好")
    said = site.manage("replay_irc", str(file), "--url", site.url, "--speed", "0", "--doors", "socket,form")
    assert "2 in 1 groups by 2 people" in said and "order         equal" in said
    assert stored(site, "little") == ["hello", "你好"]


def test_the_command_says_what_it_cannot_do(tmp_path, monkeypatch):
    file = tmp_path / "little.txt"
    file.write_text("[10:00] <alice> hello")
    with pytest.raises(CommandError, match="--doors"):
        call_command("replay_irc", file, doors="window")
    with pytest.raises(CommandError, match="No such file"):
        call_command("replay_irc", tmp_path / "nowhere.txt")
    with pytest.raises(CommandError, match="Given up"):
        call_command("replay_irc", file, url="http://127.0.0.1:9", patience=0.2)

    async def bad(self):
        return Report(missing=1)

    monkeypatch.setattr(Replay, "run", bad)
    with pytest.raises(CommandError, match="differs"):
        call_command("replay_irc", file)
