"""Lets one response contain the metrics of all processes that listen on one port (uvicorn with WEB_CONCURRENCY).

A request for metrics reaches one of them by chance. So each process writes its metrics to a file every few seconds, and
the one that is asked adds those of the others.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from messenger.core import database
from messenger.monitoring.collector import collect

log = logging.getLogger(__name__)

WRITE_SECONDS = 5.0
_STALE_SECONDS = 60.0  # a file that was not written for so long belongs to a process that has ended


def has_siblings() -> bool:
    return settings.SERVER == "uvicorn" and settings.WEB_CONCURRENCY > 1


def render_metrics() -> bytes:
    """Returns the metrics of this process, and of those that share its port, in Prometheus' text format."""
    families = collect()
    if has_siblings():
        families = _merge([*families, *_read_others()])
    return _render(families)


async def write_repeatedly() -> None:
    """Writes the metrics of this process to a file every few seconds, if others share its port. Runs until the end."""
    while has_siblings():
        try:
            await database.background.run(_write)
        except Exception as error:
            log.warning("The metrics could not be written for other processes: %s", type(error).__name__)
        await asyncio.sleep(WRITE_SECONDS)


def _render(families: Iterable[Metric]) -> bytes:
    class Collected:
        def collect(self) -> Iterable[Metric]:
            return families

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected())
    return generate_latest(registry)


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "metrics" / str(settings.PORT)


def _write() -> None:
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}.prom"
    draft = path.with_suffix(".draft")
    draft.write_bytes(_render(collect()))
    draft.replace(path)


def _read_others() -> list[Metric]:
    families: list[Metric] = []
    for path in _folder().glob("*.prom"):
        try:
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()
            elif path.stem != str(os.getpid()):
                families += text_string_to_metric_families(path.read_text())
        except OSError:
            continue  # the other process has replaced or deleted it
    return families


def _merge(families: list[Metric]) -> list[Metric]:
    """Joins metrics of the same name, because the format allows each name once."""
    by_name: dict[str, Metric] = {}
    for family in families:
        if family.name in by_name:
            by_name[family.name].samples += family.samples
        else:
            by_name[family.name] = family
    return list(by_name.values())
