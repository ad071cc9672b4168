"""Finds the Chromium browser for tests."""

from __future__ import annotations

import os
from pathlib import Path

from tests.services.common import ServiceDescription, ServiceUnavailable, find_program, find_version


class Chromium:
    """The Chromium browser that the tests use. `path` is the path of its program file."""

    def __init__(self, path: Path, source: str):
        self.path = path
        self.description = ServiceDescription(f"Chromium {find_version(path, '--version').split('.')[0]}", source)


def find_chromium() -> Chromium:
    if configured_path := os.environ.get("TEST_CHROMIUM"):
        return Chromium(Path(configured_path), "given")
    if path := find_program(
        "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
    ):
        return Chromium(path, "machine")
    caches = [Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright"]
    if browsers_path := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        caches.insert(0, Path(browsers_path))
    for cache in caches:
        for pattern in ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*"):
            for path in sorted(cache.glob(pattern), reverse=True):
                return Chromium(path, "playwright")
    raise ServiceUnavailable("Chromium: no chromium or google-chrome on the machine, none of playwright's own")
