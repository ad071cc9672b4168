"""Serves static files, also those of the release before and after the running one."""

from __future__ import annotations

import os

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise that looks for a static file when it is first requested, and then remembers it.

    WhiteNoise itself examines all files when the process starts. That takes longer than all else that a start needs,
    and files which `collectstatic` writes later are not found: during a rolling upgrade, the page comes from a process
    of the new version, and its scripts may be requested from one of the old version.
    """

    def add_files(self, root: str, prefix: str | None = None) -> None:
        """Names a folder in which files are looked for. WhiteNoise would examine all its files now."""
        if self.autorefresh:
            super().add_files(root, prefix)
        else:
            self.directories.append((os.path.join(os.path.abspath(root), ""), prefix or "/"))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:  # type: ignore[override]  # so does WhiteNoise's
        path = request.path_info
        is_unknown = not self.autorefresh and path not in self.files and path.startswith(self.static_prefix)
        if is_unknown and (found := self._find_existing_file(path)) is not None:
            self.files[path] = found
        return super().__call__(request)

    def _find_existing_file(self, path: str) -> StaticFile | None:
        try:
            return self.find_file(path)
        except (OSError, ValueError):  # a file is used as a folder; the path contains a null character
            return None
