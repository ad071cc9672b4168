"""Starts each service once, when a test asks for it, and says at the end which ones ran."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.processes import Program
from tests.services.chromium import find_chromium
from tests.services.common import ServiceUnavailable
from tests.services.postgres import (
    ExternalPostgres,
    create_postgres_server,
)
from tests.services.redis_server import ExternalRedis, create_redis_server
from tests.services.s3 import ExternalS3, S3Server


class ServiceRegistry:
    """Starts each service (PostgreSQL, Redis, S3, Chromium) when the first test requests it, and only once.

    Records which services ran and which are missing. A PostgreSQL server of its own begins with a copy of the data
    folder that `find_postgres_cluster()` returns.
    """

    def __init__(self, find_postgres_cluster: Callable[[], Path | None] = lambda: None) -> None:
        self._find_postgres_cluster = find_postgres_cluster
        self.folder = Path(tempfile.mkdtemp(prefix="messenger-services-"))
        self.folder.chmod(0o755)  # PostgreSQL may run as another user, who must be able to open this folder
        self.services: dict[str, object] = {}
        self.descriptions: dict[str, str] = {}  # of the services that were asked for, here or in other processes
        self.missing: dict[str, str] = {}
        self.skipped = 0

    def get(self, name: str):
        """Returns the service with this name: `postgres`, `redis`, `s3` or `chromium`. Starts it at the first call.

        Raises ServiceUnavailable if the service is not available on this machine.
        """
        if name in self.missing:
            raise ServiceUnavailable(self.missing[name])
        if name not in self.services:
            try:
                self.services[name] = self._start_service(name)
            except ServiceUnavailable as missing:
                self.missing[name] = str(missing)
                raise
            self.descriptions[name] = str(self.services[name].description)  # type: ignore[attr-defined]
        return self.services[name]

    def report(self) -> dict[str, Any]:
        """Returns what a process that runs a part of the tests tells the process that prints the summary."""
        return {"descriptions": self.descriptions, "missing": self.missing, "skipped": self.skipped}

    def add_report(self, report: dict[str, Any]) -> None:
        """Adds what another process has reported to the summary."""
        self.descriptions |= report["descriptions"]
        self.missing |= report["missing"]
        self.skipped += report["skipped"]

    def _start_service(self, name: str):
        getenv = os.environ.get
        service: object
        match name:
            case "postgres":
                url = getenv("TEST_DATABASE_URL")
                service = (
                    ExternalPostgres(url)
                    if url
                    else create_postgres_server(self.folder, cluster=self._find_postgres_cluster())
                )
            case "redis":
                url = getenv("TEST_REDIS_URL")
                service = ExternalRedis(url) if url else create_redis_server(self.folder)
            case "s3":
                url = getenv("TEST_STORAGE_URL")
                service = ExternalS3(url) if url else S3Server(self.folder)
            case "chromium":
                service = find_chromium()
            case _:
                raise ValueError(name)
        if isinstance(service, Program):
            service.start()
        return service

    def end(self) -> None:
        for service in self.services.values():
            if isinstance(service, Program):
                service.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def summary(self) -> str:
        """Returns a line for the end of the test report: the services that ran, and those that were missing.

        Example: `Real services: PostgreSQL 15.18 (machine), …; 0 tests skipped for want of a service.`
        """
        order = [name for name in ("postgres", "redis", "s3", "chromium") if name in self.descriptions]
        used = ", ".join(self.descriptions[name] for name in order) or "none asked for"
        tests = "1 test" if self.skipped == 1 else f"{self.skipped} tests"
        line = f"Real services: {used}; {tests} skipped for want of a service."
        if self.missing:
            line += " Missing: " + "; ".join(self.missing.values()) + "."
        return line
